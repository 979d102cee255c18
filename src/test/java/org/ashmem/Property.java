// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

/** A system property that has another value for some time. */
final class Property {
  private final String name;
  private String before;

  Property(String name) {
    this.name = name;
  }

  void set(String value) {
    before = System.setProperty(name, value);
  }

  void clear() {
    before = System.clearProperty(name);
  }

  /** Gives the property the value that it had before. */
  void restore() {
    if (before == null) {
      System.clearProperty(name);
    } else {
      System.setProperty(name, before);
    }
  }
}
