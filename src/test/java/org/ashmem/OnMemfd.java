// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Selects memfd even if there is a device, like {@code -Dorg.ashmem.backend=memfd}. */
final class OnMemfd implements BeforeAllCallback, AfterAllCallback {
  private String before;

  @Override
  public void beforeAll(ExtensionContext context) {
    before = System.setProperty(Backend.PROPERTY, "memfd");
  }

  @Override
  public void afterAll(ExtensionContext context) {
    if (before == null) {
      System.clearProperty(Backend.PROPERTY);
    } else {
      System.setProperty(Backend.PROPERTY, before);
    }
  }
}
