package contractline.connect;

import io.debezium.data.SpecialValueDecimal;
import io.debezium.time.ZonedTimestamp;
import java.math.BigDecimal;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.OffsetTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Calendar;
import java.util.Date;
import java.util.GregorianCalendar;
import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The values of Connect that PostgreSQL's become.
 *
 * <p>They come as PostgreSQL's text (a snapshot's timestamps, the elements of a list), as what
 * Debezium reads from the log (java.time), or as the driver's own classes (a snapshot's dates).
 */
final class PostgresValues {

    private static final long DAY_MILLIS = 86_400_000L;

    /** How the driver and Debezium say infinity: PGStatement.DATE_..._INFINITY as millis or micros. */
    private static final long INFINITE = 9223372036825200000L;

    private static final long MINUS_INFINITE = -9223372036832400000L;
    private static final LocalDate INFINITE_DATE = LocalDate.parse("-5877611-06-21");
    private static final LocalDate MINUS_INFINITE_DATE = LocalDate.parse("-5877611-06-22");

    private static final Pattern MOMENT =
            Pattern.compile(
                    "(?:(\\d+)-(\\d\\d)-(\\d\\d))?[ T]?(?:(\\d\\d):(\\d\\d):(\\d\\d)(\\.\\d{1,6})?)?"
                            + "([+-]\\d\\d(?::\\d\\d){0,2})?( BC)?");

    private PostgresValues() {}

    static Date date(Object value) {
        LocalDate date = localDate(value);
        return new Date(date.toEpochDay() * DAY_MILLIS);
    }

    private static LocalDate localDate(Object value) {
        if (value instanceof LocalDate date) {
            refuse(date.equals(INFINITE_DATE), date.equals(MINUS_INFINITE_DATE));
            return date;
        }
        if (value instanceof Date date) {
            refuse(date.getTime() == INFINITE, date.getTime() == MINUS_INFINITE);
            return writtenDate(date);
        }
        return moment(value).date();
    }

    /** The driver writes a date's fields into Java's calendar, whose years before 1582 are Julian. */
    private static LocalDate writtenDate(Date date) {
        Calendar written = new GregorianCalendar();
        written.setTime(date);
        int year = written.get(Calendar.YEAR);
        boolean isBeforeChrist = written.get(Calendar.ERA) == GregorianCalendar.BC;
        return LocalDate.of(
                isBeforeChrist ? 1 - year : year,
                written.get(Calendar.MONTH) + 1,
                written.get(Calendar.DAY_OF_MONTH));
    }

    static Date timestamp(Object value) {
        if (value instanceof Instant instant) {
            return new Date(finite(instant).toEpochMilli());
        }
        return new Date(moment(value).local().toInstant(ZoneOffset.UTC).toEpochMilli());
    }

    private static Instant finite(Instant instant) {
        refuse(instant.equals(ofMicros(INFINITE)), instant.equals(ofMicros(MINUS_INFINITE)));
        return instant;
    }

    private static Instant ofMicros(long micros) {
        return Instant.ofEpochSecond(
                Math.floorDiv(micros, 1_000_000L), Math.floorMod(micros, 1_000_000L) * 1_000L);
    }

    /** Returns what Debezium writes of a timestamptz of a fractional width. */
    static String zonedTimestamp(Object value, Integer fraction) {
        OffsetDateTime time;
        if (value instanceof OffsetDateTime offset) {
            refuse(
                    offset.toInstant().equals(Instant.ofEpochMilli(INFINITE)),
                    offset.toInstant().equals(Instant.ofEpochMilli(MINUS_INFINITE)));
            time = offset;
        } else {
            Moment moment = moment(value);
            time = moment.local().atOffset(moment.offset());
        }
        OffsetDateTime utc = time.withOffsetSameInstant(ZoneOffset.UTC);
        return ZonedTimestamp.toIsoString(utc.toZonedDateTime(), ZoneOffset.UTC, null, fraction);
    }

    static Date time(Object value) {
        Moment moment = moment(value);
        return new Date(moment.isMidnightAtTheEnd() ? DAY_MILLIS : moment.time().toNanoOfDay() / 1_000_000L);
    }

    static String zonedTime(Object value) {
        Moment moment = moment(value);
        OffsetTime utc = moment.time().atOffset(moment.offset()).withOffsetSameInstant(ZoneOffset.UTC);
        return utc.format(DateTimeFormatter.ISO_OFFSET_TIME);
    }

    static String numeric(Object value) {
        if (value instanceof SpecialValueDecimal decimal) {
            return decimal.getDecimalValue().map(BigDecimal::toPlainString).orElseGet(() -> text(decimal.toDouble()));
        }
        return value instanceof BigDecimal decimal ? decimal.toPlainString() : text(value);
    }

    static String text(Object value) {
        return value.toString();
    }

    /** Returns the bytes of a bytea in its text, such as <code>\x00ff</code>. */
    static byte[] bytes(String text) {
        return HexFormat.of().parseHex(text, 2, text.length());
    }

    private static Moment moment(Object value) {
        String text = text(value);
        refuse(text.equals("infinity"), text.equals("-infinity"));
        Matcher parts = MOMENT.matcher(text);
        if (!parts.matches()) {
            throw new IllegalArgumentException(value.getClass().getName());
        }
        return new Moment(parts);
    }

    private static void refuse(boolean isInfinite, boolean isMinusInfinite) {
        if (isInfinite || isMinusInfinite) {
            throw new Unrepresentable("`" + (isInfinite ? "infinity" : "-infinity") + "`");
        }
    }

    /** A date, a time or both, in PostgreSQL's text. */
    private record Moment(Matcher parts) {

        LocalDate date() {
            int year = Integer.parseInt(parts.group(1));
            int month = Integer.parseInt(parts.group(2));
            return LocalDate.of(
                    parts.group(9) == null ? year : 1 - year,
                    month,
                    Integer.parseInt(parts.group(3)));
        }

        boolean isMidnightAtTheEnd() {
            return "24".equals(parts.group(4));
        }

        LocalTime time() {
            int hour = isMidnightAtTheEnd() ? 0 : Integer.parseInt(parts.group(4));
            int minute = Integer.parseInt(parts.group(5));
            String fraction = parts.group(7) == null ? "0" : "0" + parts.group(7);
            int nanos = new BigDecimal(fraction).movePointRight(9).intValueExact();
            return LocalTime.of(hour, minute, Integer.parseInt(parts.group(6)), nanos);
        }

        LocalDateTime local() {
            return date().atTime(time());
        }

        ZoneOffset offset() {
            return ZoneOffset.of(parts.group(8));
        }
    }
}
