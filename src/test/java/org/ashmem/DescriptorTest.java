// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

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

  /** Threads that use a descriptor never meet another file under its number. */
  @Test
  @Timeout(60)
  void numberIsNeverAnotherFileWhileInUse() throws Exception {
    int rounds = 300;
    int users = 3;
    CyclicBarrier barrier = new CyclicBarrier(users + 1);
    Descriptor[] current = new Descriptor[1];
    ExecutorService threads = Executors.newFixedThreadPool(users + 1);
    try {
      List<Future<Long>> results = new ArrayList<>();
      for (int user = 0; user < users; user++) {
        results.add(
            threads.submit(
                () -> {
                  long uses = 0;
                  for (int round = 0; round < rounds; round++) {
                    barrier.await();
                    Descriptor shared = current[0];
                    for (int used = shared.acquire(); used >= 0; used = shared.acquire()) {
                      assertEquals(NULL.toString(), OpenFile.target(used));
                      shared.release();
                      uses++;
                    }
                    barrier.await();
                  }
                  return uses;
                }));
      }
      Callable<Long> closer =
          () -> {
            for (int round = 0; round < rounds; round++) {
              current[0] = new Descriptor(OpenFile.open(NULL));
              barrier.await();
              LockSupport.parkNanos(20_000);
              current[0].close();
              // Whoever still used the number would meet this file.
              int other = OpenFile.open(ZERO);
              barrier.await();
              assertEquals(0, Shim.close(other));
            }
            return 0L;
          };
      results.add(threads.submit(closer));
      long uses = 0;
      for (Future<Long> result : results) {
        uses += result.get();
      }
      assertTrue(uses > 0, "no thread came to use a descriptor");
    } finally {
      threads.shutdownNow();
      assertTrue(threads.awaitTermination(10, TimeUnit.SECONDS));
      descriptor.close();
    }
    assertEquals(0, OpenFile.count(ZERO));
  }
}
