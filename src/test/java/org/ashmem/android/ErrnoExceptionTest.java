// SPDX-License-Identifier: Apache-2.0
package org.ashmem.android;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.net.SocketException;
import org.junit.jupiter.api.Test;

class ErrnoExceptionTest {
  @Test
  void carriesWhatItWasTold() {
    ErrnoException e = new ErrnoException("mmap", OsConstants.EPERM);
    assertEquals("mmap", e.functionName);
    assertEquals(1, e.errno);
    assertEquals("mmap failed: EPERM (Operation not permitted)", e.getMessage());
    assertNull(e.getCause());

    RuntimeException cause = new RuntimeException();
    ErrnoException unknown = new ErrnoException("open", 4095, cause);
    assertEquals("open failed: errno 4095 (Unknown error 4095)", unknown.getMessage());
    assertSame(cause, unknown.getCause());
  }

  @Test
  void causeCanBeSetLater() {
    RuntimeException cause = new RuntimeException();
    assertSame(cause, new ErrnoException("mmap", 1).initCause(cause).getCause());
    ErrnoException known = new ErrnoException("mmap", 1, null);
    assertThrows(IllegalStateException.class, () -> known.initCause(cause));
  }

  @Test
  void becomesAnIoException() {
    ErrnoException e = new ErrnoException("mmap", OsConstants.ENOMEM);
    IOException io = assertThrows(IOException.class, e::rethrowAsIOException);
    assertSame(IOException.class, io.getClass());
    assertEquals("mmap failed: ENOMEM (Out of memory)", io.getMessage());
    assertSame(e, io.getCause());
  }

  @Test
  void becomesASocketException() {
    ErrnoException e = new ErrnoException("connect", OsConstants.ECONNREFUSED);
    SocketException socket = assertThrows(SocketException.class, e::rethrowAsSocketException);
    assertEquals("connect failed: ECONNREFUSED (Connection refused)", socket.getMessage());
    assertSame(e, socket.getCause());
  }
}
