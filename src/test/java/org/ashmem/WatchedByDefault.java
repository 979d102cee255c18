// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Runs each test with the default of {@link PressureWatch}, which the other tests turn off. */
final class WatchedByDefault implements BeforeEachCallback, AfterEachCallback {
  private final Property watched = new Property(PressureWatch.PROPERTY);

  @Override
  public void beforeEach(ExtensionContext context) {
    watched.clear();
  }

  @Override
  public void afterEach(ExtensionContext context) {
    watched.restore();
  }
}
