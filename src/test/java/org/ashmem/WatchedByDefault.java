// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Runs each test with the default of {@link PressureWatch}, which the other tests turn off. */
final class WatchedByDefault implements BeforeEachCallback, AfterEachCallback {
  private String before;

  @Override
  public void beforeEach(ExtensionContext context) {
    before = System.clearProperty(PressureWatch.PROPERTY);
  }

  @Override
  public void afterEach(ExtensionContext context) {
    if (before == null) {
      System.clearProperty(PressureWatch.PROPERTY);
    } else {
      System.setProperty(PressureWatch.PROPERTY, before);
    }
  }
}
