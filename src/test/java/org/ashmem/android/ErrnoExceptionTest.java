// SPDX-License-Identifier: Apache-2.0
package org.ashmem.android;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.lang.reflect.Field;
import org.junit.jupiter.api.Test;

class ErrnoExceptionTest {
  @Test
  void carriesWhatItWasTold() {
    ErrnoException e = new ErrnoException("mmap", OsConstants.ENOMEM);
    assertEquals("mmap", e.functionName);
    assertEquals(12, e.errno);
    assertEquals("mmap failed: ENOMEM (12)", e.getMessage());
    assertNull(e.getCause());

    RuntimeException cause = new RuntimeException();
    ErrnoException unknown = new ErrnoException("open", 4095, cause);
    assertEquals("open failed: errno 4095", unknown.getMessage());
    assertSame(cause, unknown.getCause());
  }

  @Test
  void errorNumbersHaveTheirNames() throws Exception {
    int named = 0;
    for (Field field : OsConstants.class.getFields()) {
      if (field.getName().startsWith("E")) {
        assertEquals(field.getName(), OsConstants.errnoName(field.getInt(null)));
        named++;
      }
    }
    assertEquals(17, named);
    assertNull(OsConstants.errnoName(0));
    assertNull(OsConstants.errnoName(-OsConstants.EINVAL));
  }
}
