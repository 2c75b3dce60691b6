package contractline.connect;

import java.util.ArrayList;
import java.util.List;

/** The elements of an array in PostgreSQL's own text, such as <code>{1,NULL,"a b"}</code>. */
final class ArrayText {

    private final String text;
    private int at;

    private ArrayText(String text) {
        this.text = text;
    }

    /**
     * Returns the texts of the elements; null for NULL.
     *
     * @throws Unrepresentable where lists lie inside the list
     */
    static List<String> parse(String text) {
        // An array whose indices do not begin at 1 is written with its bounds: [0:1]={1,2}
        int start = text.startsWith("[") ? text.indexOf('=') + 1 : 0;
        return new ArrayText(text.substring(start)).elements();
    }

    private List<String> elements() {
        List<String> found = new ArrayList<>();
        at = 1;
        while (text.charAt(at) != '}') {
            found.add(element());
            if (text.charAt(at) == ',') {
                at++;
            }
        }
        return found;
    }

    private String element() {
        return switch (text.charAt(at)) {
            case '{' -> throw new Unrepresentable("`" + text + "`, with lists inside the list");
            case '"' -> quoted();
            default -> plain();
        };
    }

    private String quoted() {
        StringBuilder element = new StringBuilder();
        for (at++; text.charAt(at) != '"'; at++) {
            if (text.charAt(at) == '\\') {
                at++;
            }
            element.append(text.charAt(at));
        }
        at++;
        return element.toString();
    }

    private String plain() {
        int start = at;
        while (text.charAt(at) != ',' && text.charAt(at) != '}') {
            at++;
        }
        String element = text.substring(start, at);
        return element.equals("NULL") ? null : element;
    }
}
