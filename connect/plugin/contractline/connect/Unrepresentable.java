package contractline.connect;

/** Thrown for a value of PostgreSQL that has none beside it in the topic; the message names it. */
final class Unrepresentable extends RuntimeException {

    private static final long serialVersionUID = 1L;

    Unrepresentable(String message) {
        super(message);
    }
}
