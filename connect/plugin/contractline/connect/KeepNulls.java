package contractline.connect;

import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.transforms.Transformation;

/**
 * Keeps the nulls of a record that Connect would hand out as the default of their field.
 *
 * <p>{@link Struct#get(Field)} answers with the field's default where the value is null, so that a
 * converter which asks it never sees a null. Converters that have a setting against it (Confluent's
 * {@code ignore.default.for.nullables}, from 7.3 on) need this class as little as they mind it. It
 * must be the last transform: those before it may ask for values in the same way, and have settings
 * of their own ({@code replace.null.with.default}).
 */
public final class KeepNulls<R extends ConnectRecord<R>> implements Transformation<R> {

    @Override
    public R apply(R record) {
        if (!(record.value() instanceof Struct value) || !hidesNull(value)) {
            return record;
        }
        return record.newRecord(
                record.topic(),
                record.kafkaPartition(),
                record.keySchema(),
                record.key(),
                record.valueSchema(),
                new NullKeepingStruct(value),
                record.timestamp(),
                record.headers());
    }

    private static boolean hidesNull(Struct value) {
        for (Field field : value.schema().fields()) {
            if (field.schema().defaultValue() != null
                    && value.getWithoutDefault(field.name()) == null) {
                return true;
            }
        }
        return false;
    }

    @Override
    public ConfigDef config() {
        return new ConfigDef();
    }

    @Override
    public void configure(Map<String, ?> settings) {
        // There is nothing to set.
    }

    @Override
    public void close() {
        // There is nothing to close.
    }

    private static final class NullKeepingStruct extends Struct {

        NullKeepingStruct(Struct original) {
            super(original.schema());
            for (Field field : original.schema().fields()) {
                put(field, original.getWithoutDefault(field.name()));
            }
        }

        @Override
        public Object get(Field field) {
            return getWithoutDefault(field.name());
        }
    }
}
