// SPDX-License-Identifier: Apache-2.0
package org.ashmem.android;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import org.ashmem.AshmemRegion;
import org.ashmem.PinStatus;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** A memory file that is purged. */
@SuppressWarnings("deprecation") // purging, as on Android
class PurgeIT {
  private static final int LENGTH = 4 * (int) AshmemRegion.pageSize();

  /** The number of reads in a race that must find the written content. */
  private static final int READS = 20;

  private final byte[] content = new byte[LENGTH];
  private AshmemRegion region;
  private MemoryFile file;

  @BeforeEach
  void createAndFill() throws Exception {
    Arrays.fill(content, (byte) 7);
    region = AshmemRegion.create("purged", LENGTH);
    file = new MemoryFile(region);
    file.writeBytes(content, 0, 0, LENGTH);
  }

  @AfterEach
  void close() {
    file.close();
  }

  private byte[] read() throws IOException {
    byte[] buffer = new byte[LENGTH];
    assertEquals(LENGTH, file.readBytes(buffer, 0, 0, LENGTH));
    return buffer;
  }

  private void assertPurged(Executable access) {
    IOException e = assertThrows(IOException.class, access);
    assertTrue(e.getMessage().contains("purged"), e.getMessage());
    assertEquals(PinStatus.UNPINNED, region.pinStatus(), "the file stayed pinned");
    assertTrue(file.isPurgingAllowed());
  }

  @Test
  void fileIsNotPurgedUnlessThatIsAllowed() throws Exception {
    AshmemRegion.purgeAllCaches();
    assertArrayEquals(content, read());

    assertFalse(file.allowPurging(true));
    assertEquals(PinStatus.UNPINNED, region.pinStatus());
    assertArrayEquals(content, read());
    assertEquals(PinStatus.UNPINNED, region.pinStatus());

    assertTrue(file.allowPurging(false));
    assertEquals(PinStatus.PINNED, region.pinStatus());
    AshmemRegion.purgeAllCaches();
    assertArrayEquals(content, read());
    assertEquals(PinStatus.PINNED, region.pinStatus());
  }

  @Test
  void firstReadAfterAPurgeTells() throws Exception {
    assertFalse(file.allowPurging(true));
    AshmemRegion.purgeAllCaches();
    byte[] untouched = content.clone();
    assertPurged(() -> file.readBytes(untouched, 0, 0, LENGTH));
    assertArrayEquals(content, untouched);
    assertArrayEquals(new byte[LENGTH], read());

    // The first read after the next purge throws again.
    file.writeBytes(content, 0, 0, LENGTH);
    assertArrayEquals(content, read());
    AshmemRegion.purgeAllCaches();
    InputStream in = file.getInputStream();
    assertPurged(in::read);
    assertEquals(0, in.read());
    assertEquals(LENGTH - 1, in.available());
  }

  @Test
  void firstWriteAfterAPurgeTellsAndWritesNothing() throws Exception {
    assertFalse(file.allowPurging(true));
    AshmemRegion.purgeAllCaches();
    assertPurged(() -> file.writeBytes(content, 0, 0, LENGTH));
    assertArrayEquals(new byte[LENGTH], read());
    file.writeBytes(content, 0, 0, LENGTH);
    assertArrayEquals(content, read());
  }

  @Test
  void forbiddingToPurgeTells() throws Exception {
    assertFalse(file.allowPurging(true));
    AshmemRegion.purgeAllCaches();
    assertPurged(() -> file.allowPurging(false));
    assertTrue(file.allowPurging(false));
    assertEquals(PinStatus.PINNED, region.pinStatus());
    assertArrayEquals(new byte[LENGTH], read());
  }

  /** If a thread unpinned the file while another reads it, a purge could zero part of the read. */
  @Test
  void threadsDoNotUnpinEachOther() throws Exception {
    // On memfd this is one piece of a purge, so that a purge takes all of it or nothing.
    byte[] full = new byte[2 << 20];
    Arrays.fill(full, (byte) 7);
    byte[] found = new byte[full.length];
    byte[] zeros = new byte[full.length];
    AtomicBoolean over = new AtomicBoolean();
    try (MemoryFile large = new MemoryFile("threads", full.length)) {
      assertFalse(large.allowPurging(true));
      Thread other = new Thread(() -> untilOver(over, () -> large.readBytes(new byte[1], 0, 0, 1)));
      Thread purger = new Thread(() -> untilOver(over, AshmemRegion::purgeAllCaches));
      other.start();
      purger.start();
      try {
        for (int reads = 0; reads < READS; ) {
          assertFalse(Thread.interrupted(), "the timeout is over");
          try {
            large.writeBytes(full, 0, 0, full.length);
            large.readBytes(found, 0, 0, full.length);
            if (Arrays.equals(full, found)) {
              reads++;
            } else {
              assertArrayEquals(zeros, found, "a part of the content was purged during a read");
            }
          } catch (IOException purged) {
            // The next round writes the content again.
          }
        }
      } finally {
        over.set(true);
        other.join();
        purger.join();
      }
    }
  }

  private static void untilOver(AtomicBoolean over, ThrowingCall call) {
    while (!over.get()) {
      try {
        call.run();
      } catch (IOException purged) {
        // Each purge is reported once, to this thread or to the main thread.
      }
    }
  }

  private interface ThrowingCall {
    void run() throws IOException;
  }

  @Test
  void accessThatIsRefusedLeavesTheFileUnpinned() throws Exception {
    assertFalse(file.allowPurging(true));
    assertThrows(IndexOutOfBoundsException.class, () -> file.readBytes(new byte[1], LENGTH, 0, 1));
    assertEquals(PinStatus.UNPINNED, region.pinStatus());
  }
}
