// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.jcache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * The results of the TCK while entries are purged, beside those while the same entries are removed:
 * a purge differs from an absent entry in nothing that a test of the TCK sees.
 */
class PurgedTckTest {
  /** What tests make of the time at which they run: a Date, or its milliseconds. */
  private static final Pattern TIME =
      Pattern.compile("\\w{3} \\w{3} \\d\\d \\d\\d:\\d\\d:\\d\\d [^ ]+ \\d{4}|\\d{13}");

  /** Each test with the first line of how it failed, or an empty line. */
  private static Map<String, String> results(String how) throws Exception {
    File[] reports =
        new File(System.getProperty("purge.reports"), "tck-" + how)
            .listFiles((folder, name) -> name.matches("TEST-.*\\.xml"));
    Map<String, String> results = new TreeMap<>();
    DocumentBuilder builder = DocumentBuilderFactory.newInstance().newDocumentBuilder();
    for (File report : reports) {
      NodeList cases = builder.parse(report).getElementsByTagName("testcase");
      for (int i = 0; i < cases.getLength(); i++) {
        Element test = (Element) cases.item(i);
        results.put(
            test.getAttribute("classname") + "." + test.getAttribute("name"), failure(test));
      }
    }
    return results;
  }

  private static String failure(Element test) {
    for (String kind : new String[] {"failure", "error"}) {
      NodeList failures = test.getElementsByTagName(kind);
      if (failures.getLength() > 0) {
        Element failure = (Element) failures.item(0);
        return failure.getAttribute("type")
            + ": "
            + TIME.matcher(failure.getAttribute("message").lines().findFirst().orElse(""))
                .replaceAll("TIME");
      }
    }
    return "";
  }

  @Test
  void aPurgedEntryIsAnAbsentOneToTheTck() throws Exception {
    Map<String, String> purged = results("purge");
    Map<String, String> evicted = results("evict");
    // A purge is counted as an eviction. What is removed from below is not.
    purged.keySet().removeIf(test -> test.contains("CacheMBStatisticsBeanTest"));
    evicted.keySet().removeIf(test -> test.contains("CacheMBStatisticsBeanTest"));
    assertTrue(purged.size() > 400, "only " + purged.size() + " tests ran");
    assertTrue(purged.values().stream().anyMatch(failure -> !failure.isEmpty()), "nothing is lost");
    assertEquals(lines(evicted), lines(purged));
  }

  private static String lines(Map<String, String> results) {
    StringBuilder lines = new StringBuilder();
    results.forEach((test, failure) -> lines.append(test).append(' ').append(failure).append('\n'));
    return lines.toString();
  }
}
