// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Selects memfd even if there is a device, like {@code -Dorg.ashmem.backend=memfd}. */
final class OnMemfd implements BeforeAllCallback, AfterAllCallback {
  private final Property backend = new Property(Backend.PROPERTY);

  @Override
  public void beforeAll(ExtensionContext context) {
    backend.set("memfd");
  }

  @Override
  public void afterAll(ExtensionContext context) {
    backend.restore();
  }
}
