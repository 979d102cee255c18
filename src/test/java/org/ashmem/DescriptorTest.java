// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class DescriptorTest {
  private static final Path NULL = Path.of("/dev/null");
  private static final Path ZERO = Path.of("/dev/zero");

  private final int fd = OpenFile.open(NULL);
  private final Descriptor descriptor = new Descriptor(fd);

  @Test
  void closesTheNumberAtOnceWhenNoCallIsUnderWay() {
    assertEquals(fd, descriptor.acquire());
    descriptor.release();
    assertTrue(descriptor.isOpen());

    descriptor.close();

    assertFalse(descriptor.isOpen());
    assertFalse(OpenFile.isOpen(fd));
  }

  @Test
  void keepsTheNumberUntilTheLastCallEnds() {
    descriptor.acquire();
    descriptor.acquire();

    descriptor.close();
    assertFalse(descriptor.isOpen());
    assertTrue(OpenFile.isOpen(fd));
    descriptor.release();
    assertTrue(OpenFile.isOpen(fd));
    descriptor.release();
    assertFalse(OpenFile.isOpen(fd));
  }

  @Test
  void letsNoCallBeginAfterClose() {
    descriptor.acquire();
    descriptor.close();

    assertEquals(-1, descriptor.acquire());
    descriptor.release();
    assertEquals(-1, descriptor.acquire());
  }

  @Test
  void closesTheNumberOnce() throws Exception {
    descriptor.close();
    List<Integer> opened = new ArrayList<>();
    do {
      opened.add(OpenFile.open(ZERO)); // the lowest free number each time
    } while (opened.get(opened.size() - 1) < fd);
    assertTrue(opened.contains(fd));

    descriptor.close();

    for (int each : opened) {
      assertEquals(ZERO.toString(), OpenFile.target(each));
      assertEquals(0, Shim.close(each));
    }
  }

  /** A thread that uses a descriptor never finds another file under its number. */
  @Test
  void numberIsNeverAnotherFileWhileInUse() throws Exception {
    int rounds = 300;
    int users = 3;
    CyclicBarrier barrier = new CyclicBarrier(users + 1);
    Descriptor[] current = new Descriptor[1];
    CountDownLatch[] inUse = new CountDownLatch[1];
    ExecutorService threads = Executors.newFixedThreadPool(users + 1);
    try {
      List<Future<Void>> results = new ArrayList<>();
      for (int user = 0; user < users; user++) {
        results.add(
            threads.submit(
                () -> {
                  for (int round = 0; round < rounds; round++) {
                    barrier.await();
                    Descriptor shared = current[0];
                    CountDownLatch begun = inUse[0];
                    for (int used = shared.acquire(); used >= 0; used = shared.acquire()) {
                      assertEquals(NULL.toString(), OpenFile.target(used));
                      shared.release();
                      begun.countDown();
                    }
                    barrier.await();
                  }
                  return null;
                }));
      }
      Callable<Void> closer =
          () -> {
            for (int round = 0; round < rounds; round++) {
              current[0] = new Descriptor(OpenFile.open(NULL));
              inUse[0] = new CountDownLatch(1);
              barrier.await();
              inUse[0].await();
              current[0].close();
              // A thread that still used the number would find this file.
              int other = OpenFile.open(ZERO);
              barrier.await();
              assertEquals(0, Shim.close(other));
            }
            return null;
          };
      results.add(threads.submit(closer));
      for (Future<Void> result : results) {
        result.get();
      }
    } finally {
      threads.shutdownNow();
      assertTrue(threads.awaitTermination(5, TimeUnit.MINUTES));
      descriptor.close();
    }
    assertEquals(0, OpenFile.count(ZERO));
  }
}
