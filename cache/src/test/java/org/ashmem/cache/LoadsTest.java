// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** Loads that meet a put, an invalidation or a listener, at a moment that the test chooses. */
class LoadsTest {
  private static final long MIB = 1 << 20;

  /** A key that says when it is hashed or compared. */
  private record Key(int number, Runnable used) {
    Key(int number) {
      this(number, () -> {});
    }

    @Override
    public boolean equals(Object other) {
      used.run();
      return other instanceof Key key && number == key.number;
    }

    @Override
    public int hashCode() {
      used.run();
      return number;
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static void awaitWaitingOrEnded(Thread thread) {
    while (thread.getState() != Thread.State.WAITING
        && thread.getState() != Thread.State.TERMINATED) {
      Thread.onSpinWait();
    }
  }

  /** While a value is stored, older ones are removed, and their keys compared. */
  @Test
  void whoAsksWhileALoadedValueIsStoredDoesNotLoadItAgain() throws Exception {
    AtomicInteger loads = new AtomicInteger();
    try (PurgeableCache<Key, byte[]> cache =
        PurgeableCache.<Key, byte[]>builder(Codec.bytes()).maximumBytes(4 * MIB).build()) {
      byte[] value = new byte[cache.longestValue()];
      Function<Key, byte[]> loader =
          key -> {
            loads.incrementAndGet();
            return value;
          };
      Thread test = Thread.currentThread();
      FutureTask<byte[]> second = new FutureTask<>(() -> cache.get(new Key(-1), loader));
      Thread asks = new Thread(second, "asks");
      Runnable askInBetween =
          () -> {
            if (Thread.currentThread() == test
                && loads.get() == 1
                && asks.getState() == Thread.State.NEW) {
              asks.start();
              while (loads.get() == 1 && asks.getState() != Thread.State.WAITING) {
                Thread.onSpinWait();
              }
            }
          };
      for (int i = 0; i * (long) value.length < 8 * MIB; i++) {
        cache.put(new Key(i, askInBetween), value);
      }
      assertArrayEquals(value, cache.get(new Key(-1), loader));
      assertArrayEquals(value, second.get(1, TimeUnit.MINUTES));
      assertEquals(1, loads.get());
    }
  }

  /**
   * A load finds a value that was put meanwhile, and decodes it slowly. Before it is done, the key
   * is invalidated. Who asks after that must not get that value.
   *
   * @param invalidate invalidates key 1, and runs what it is given in the middle of that, before
   *     the entry is removed
   */
  private static void nobodyFindsWhatWasInvalidated(
      BiConsumer<PurgeableCache<Key, String>, Runnable> invalidate) throws Exception {
    AtomicLong now = new AtomicLong();
    CountDownLatch expired = new CountDownLatch(1);
    CountDownLatch loadGoesOn = new CountDownLatch(1);
    CountDownLatch decodes = new CountDownLatch(1);
    CountDownLatch decodeGoesOn = new CountDownLatch(1);
    Codec<String> codec =
        new Codec<>() {
          @Override
          public ByteBuffer encode(String value) {
            return ByteBuffer.wrap(value.getBytes(StandardCharsets.UTF_8));
          }

          @Override
          public String decode(ByteBuffer bytes) {
            String value = StandardCharsets.UTF_8.decode(bytes).toString();
            if (value.equals("old") && Thread.currentThread().getName().equals("loads")) {
              decodes.countDown();
              await(decodeGoesOn);
            }
            return value;
          }
        };
    try (PurgeableCache<Key, String> cache =
        PurgeableCache.<Key, String>builder(codec)
            .maximumBytes(4 * MIB)
            .expireAfterWrite(Duration.ofNanos(10))
            .ticker(now::get)
            .removalListener(
                (key, cause) -> {
                  if (cause == RemovalCause.EXPIRED) {
                    expired.countDown();
                    await(loadGoesOn);
                  }
                })
            .build()) {
      cache.put(new Key(1), "first");
      now.set(20);
      FutureTask<String> load = new FutureTask<>(() -> cache.get(new Key(1), key -> "unused"));
      Thread loads = new Thread(load, "loads");
      loads.start();
      expired.await();
      cache.put(new Key(1), "old");
      AtomicBoolean once = new AtomicBoolean();
      Runnable inTheMiddle =
          () -> {
            if (!once.getAndSet(true)) {
              loadGoesOn.countDown();
              await(decodes);
            }
          };
      invalidate.accept(cache, inTheMiddle);
      FutureTask<String> next = new FutureTask<>(() -> cache.get(new Key(1), key -> "new"));
      Thread asks = new Thread(next, "asks");
      asks.start();
      awaitWaitingOrEnded(asks);
      decodeGoesOn.countDown();
      assertEquals("new", next.get(1, TimeUnit.MINUTES));
      String unused = load.get(1, TimeUnit.MINUTES);
    }
  }

  @Test
  void nobodyFindsTheValueOfAKeyThatWasInvalidated() throws Exception {
    nobodyFindsWhatWasInvalidated(
        (cache, inTheMiddle) -> cache.invalidate(new Key(1, inTheMiddle)));
  }

  @Test
  void nobodyFindsAValueAfterAllWereInvalidated() throws Exception {
    nobodyFindsWhatWasInvalidated(
        (cache, inTheMiddle) -> {
          AtomicBoolean armed = new AtomicBoolean();
          // This key comes before key 1.
          cache.put(
              new Key(
                  0,
                  () -> {
                    if (armed.get()) {
                      inTheMiddle.run();
                    }
                  }),
              "other");
          armed.set(true);
          cache.invalidateAll();
        });
  }

  @Test
  void valueOfALoadThatWasInvalidatedTakesNoMemory() {
    try (PurgeableCache<Integer, byte[]> cache =
        PurgeableCache.<Integer, byte[]>builder(Codec.bytes()).maximumBytes(4 * MIB).build()) {
      cache.put(1, new byte[100]);
      byte[] value = new byte[cache.longestValue()];
      for (int i = 0; i < 100; i++) {
        assertArrayEquals(
            value,
            cache.get(
                2,
                key -> {
                  cache.invalidate(key);
                  return value;
                }));
      }
      assertEquals(0, cache.statistics().evicted());
      assertArrayEquals(new byte[100], cache.getIfPresent(1));
    }
  }

  @Test
  void listenerMayLoadTheKeyWhoseLoadFoundAnExpiredValue() {
    AtomicLong now = new AtomicLong();
    AtomicReference<PurgeableCache<Integer, String>> used = new AtomicReference<>();
    List<String> found = new ArrayList<>();
    RemovalListener<Integer> listener =
        (key, cause) -> {
          if (now.get() == 20) {
            used.get().put(key, "second");
            now.set(40);
          } else {
            found.add(used.get().get(key, unused -> "by the listener"));
          }
        };
    try (PurgeableCache<Integer, String> cache =
        PurgeableCache.<Integer, String>builder(Codec.string())
            .maximumBytes(4 * MIB)
            .expireAfterWrite(Duration.ofNanos(10))
            .ticker(now::get)
            .removalListener(listener)
            .build()) {
      used.set(cache);
      cache.put(1, "first");
      now.set(20);
      assertEquals("loaded", cache.get(1, unused -> "loaded"));
      assertEquals(List.of("loaded"), found);
    }
  }
}
