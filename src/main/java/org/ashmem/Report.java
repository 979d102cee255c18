// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Findings as text for people, and as JSON for programs. */
final class Report {
  /** The width of a name in the text, and where the facts begin. */
  private static final String LINE = "%-6s %-14s  %s%n";

  private final List<Finding> findings;

  Report(List<Finding> findings) {
    this.findings = new ArrayList<>(findings);
  }

  void add(Finding finding) {
    findings.add(finding);
  }

  boolean isUsable() {
    return findings.stream().noneMatch(each -> each.state() == Finding.State.BROKEN);
  }

  String text() {
    StringBuilder text = new StringBuilder();
    for (Finding each : findings) {
      String mark =
          switch (each.state()) {
            case OK -> "ok";
            case LACK -> "lacks";
            case BROKEN -> "BROKEN";
          };
      for (String line : each.fact().lines().toList()) {
        text.append(String.format(LINE, mark, mark.isEmpty() ? "" : each.name(), line));
        mark = "";
      }
      for (String line : each.advice().lines().toList()) {
        text.append(String.format(LINE, "", "", "> " + line));
      }
    }
    text.append(isUsable() ? "Regions work here.\n" : "No region can be created here.\n");
    return text.toString();
  }

  String json() {
    StringBuilder json = new StringBuilder("{\n  \"usable\": ").append(isUsable());
    for (Finding each : findings) {
      json.append(",\n  ").append(quoted(each.name())).append(": {\"state\": ");
      json.append(quoted(each.state().name().toLowerCase(Locale.ROOT)));
      json.append(", \"fact\": ").append(quoted(each.fact()));
      json.append(", \"advice\": ").append(quoted(each.advice())).append('}');
    }
    return json.append("\n}\n").toString();
  }

  static String quoted(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    for (int i = 0; i < text.length(); i++) {
      char each = text.charAt(i);
      if (each == '"' || each == '\\') {
        quoted.append('\\').append(each);
      } else if (each == '\n') {
        quoted.append("\\n");
      } else if (each < ' ' || each > '~') {
        quoted.append(String.format("\\u%04x", (int) each));
      } else {
        quoted.append(each);
      }
    }
    return quoted.append('"').toString();
  }
}
