package contractline.connect;

import io.debezium.spi.converter.CustomConverter;
import io.debezium.spi.converter.RelationalColumn;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.apache.kafka.connect.data.Date;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Time;
import org.apache.kafka.connect.data.Timestamp;
import org.apache.kafka.connect.errors.DataException;

/**
 * Converts the PostgreSQL types of which Debezium's own converter changes some values.
 *
 * <p>A snapshot reads a date through java.sql.Date, which has no years before Christ; lists of dates
 * and times are read so from the log too. Infinity becomes a far date, a list of numerics that holds
 * NaN becomes null, and varbit loses its leading zeros. Here a value is what PostgreSQL's own text
 * says. What has no value in the topic (infinity in a date or timestamp, lists inside a list, NULL in
 * a list of an enumeration) stops the task, or becomes null in the tables that the property {@code
 * nullify} names (a regular expression of {@code schema.table}). Which columns are lists of an
 * enumeration, the property {@code labels} says ({@code schema.table.column}), since nothing that
 * Debezium hands out tells.
 *
 * <p>The schemas are those of {@code time.precision.mode=connect} and {@code
 * decimal.handling.mode=string}.
 */
public final class ExactValues implements CustomConverter<SchemaBuilder, RelationalColumn> {

    private static final Pattern NOTHING = Pattern.compile("(?!)");

    private static final Pattern EXTENSION_TEXTS = Pattern.compile("(.*\\.)?\"?_(citext|ltree)\"?");

    /** Debezium's own schema of a list of an enumeration, which has no nulls. */
    private static final Type LABELS =
            new Type(() -> SchemaBuilder.array(Schema.STRING_SCHEMA), ExactValues::labelsOf);

    private Pattern nullified = NOTHING;
    private Pattern labels = NOTHING;

    @Override
    public void configure(Properties properties) {
        nullified = pattern(properties, "nullify");
        labels = pattern(properties, "labels");
    }

    private static Pattern pattern(Properties properties, String name) {
        String names = properties.getProperty(name, "");
        return names.isEmpty() ? NOTHING : Pattern.compile(names);
    }

    @Override
    public void converterFor(
            RelationalColumn column, ConverterRegistration<SchemaBuilder> registration) {
        Type type = typeOf(column, labels.matcher(nameOf(column)).matches());
        if (type == null) {
            return;
        }
        boolean becomesNull =
                column.isOptional() && nullified.matcher(column.dataCollection()).matches();
        Object defaultValue = column.defaultValue();
        registration.register(
                type.schema().get(),
                value -> {
                    if (value == null || value == defaultValue) {
                        return defaultOf(column, type, value);
                    }
                    try {
                        return type.conversion().apply(value);
                    } catch (Unrepresentable problem) {
                        if (becomesNull) {
                            return null;
                        }
                        throw refusal(column, problem.getMessage());
                    } catch (RuntimeException problem) {
                        throw refusal(column, "`" + value + "`, which can't be read: " + problem);
                    }
                });
    }

    /** Returns how a type is converted, by its oid in pg_type.dat; null where Debezium is right. */
    private static Type typeOf(RelationalColumn column, boolean holdsLabels) {
        Integer fraction = column.scale().orElse(column.length().orElse(-1));
        Function<Object, Object> zonedTimestamp =
                value -> PostgresValues.zonedTimestamp(value, fraction);
        return switch (column.nativeType()) {
            case 1082 -> new Type(Date::builder, PostgresValues::date);
            case 1182 -> list(Date::builder, PostgresValues::date);
            case 1114 -> new Type(Timestamp::builder, PostgresValues::timestamp);
            case 1115 -> list(Timestamp::builder, PostgresValues::timestamp);
            case 1184 -> new Type(SchemaBuilder::string, zonedTimestamp);
            case 1185 -> list(SchemaBuilder::string, zonedTimestamp::apply);
            case 1183 -> list(Time::builder, PostgresValues::time);
            case 1270 -> list(SchemaBuilder::string, PostgresValues::zonedTime);
            case 1700 -> new Type(SchemaBuilder::string, PostgresValues::numeric);
            case 1231 -> list(SchemaBuilder::string, PostgresValues::numeric);
            case 1562 -> new Type(SchemaBuilder::string, PostgresValues::text);
            // Lists of bit, varbit, interval, name and tsvector: Debezium has no values of them.
            case 1561, 1563, 1187, 1003, 3643 -> list(SchemaBuilder::string, PostgresValues::text);
            default -> listOf(column, holdsLabels);
        };
    }

    /** Of lists inside these lists Debezium makes something else; here they are refused. */
    private static Type listOf(RelationalColumn column, boolean holdsLabels) {
        return switch (column.nativeType()) {
            case 1000 -> list(SchemaBuilder::bool, text -> text.equals("t"));
            case 1001 -> list(SchemaBuilder::bytes, PostgresValues::bytes);
            case 1005 -> list(SchemaBuilder::int16, Short::valueOf);
            case 1007 -> list(SchemaBuilder::int32, Integer::valueOf);
            case 1016, 1028 -> list(SchemaBuilder::int64, Long::valueOf);
            case 1021 -> list(SchemaBuilder::float32, Float::valueOf);
            case 1022 -> list(SchemaBuilder::float64, Double::valueOf);
            // Lists of text, bpchar, varchar, json, jsonb, uuid, inet, cidr, macaddr, macaddr8, ranges.
            case 1009, 1014, 1015, 199, 3807, 2951, 1041, 651, 1040, 775 ->
                list(SchemaBuilder::string, PostgresValues::text);
            case 3905, 3907, 3909, 3911, 3913, 3927 ->
                list(SchemaBuilder::string, PostgresValues::text);
            // Types of extensions have other oids in each database.
            default -> EXTENSION_TEXTS.matcher(column.typeName()).matches()
                    ? list(SchemaBuilder::string, PostgresValues::text)
                    : holdsLabels ? LABELS : null;
        };
    }

    private static Type list(Supplier<SchemaBuilder> items, Function<String, Object> conversion) {
        return new Type(
                () -> SchemaBuilder.array(items.get().optional().build()),
                value -> {
                    List<Object> converted = new ArrayList<>();
                    for (String text : ArrayText.parse(value.toString())) {
                        converted.add(text == null ? null : conversion.apply(text));
                    }
                    return converted;
                });
    }

    private static List<Object> labelsOf(Object value) {
        List<Object> labels = new ArrayList<>(ArrayText.parse(value.toString()));
        if (labels.contains(null)) {
            throw new Unrepresentable("`" + value + "`, with NULL in a list of an enumeration");
        }
        return labels;
    }

    /** A default comes as Debezium's own converter made it; only that of varbit has another type. */
    private static Object defaultOf(RelationalColumn column, Type type, Object value) {
        boolean fits = type.schema().get().type() != Schema.Type.STRING || value instanceof String;
        if (value == null || fits) {
            return value;
        }
        return column.isOptional() ? null : "";
    }

    /** Debezium shows only the cause of what a converter throws, so the words stand in both. */
    private static DataException refusal(RelationalColumn column, String problem) {
        String words = "the column " + nameOf(column) + " holds " + problem;
        return new DataException(words, new DataException(words));
    }

    private static String nameOf(RelationalColumn column) {
        return column.dataCollection() + "." + column.name();
    }

    private record Type(Supplier<SchemaBuilder> schema, Function<Object, Object> conversion) {}
}
