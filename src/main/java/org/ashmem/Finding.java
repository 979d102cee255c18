// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

/**
 * A fact about this machine, and what to do about it.
 *
 * @param name what the fact is about
 * @param fact the fact, in one or more lines
 * @param advice what to do, in one or more lines; empty if there is nothing to do
 */
record Finding(String name, State state, String fact, String advice) {
  enum State {
    /** There is nothing to do. */
    OK,
    /** Regions work, but something is missing that would make them better. */
    LACK,
    /** No region can be created. */
    BROKEN
  }

  static Finding ok(String name, String fact) {
    return new Finding(name, State.OK, fact, "");
  }

  static Finding lack(String name, String fact, String advice) {
    return new Finding(name, State.LACK, fact, advice);
  }

  static Finding broken(String name, String fact, String advice) {
    return new Finding(name, State.BROKEN, fact, advice);
  }
}
