// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.infinispan;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLongArray;
import org.ashmem.cache.Codec;
import org.ashmem.cache.PurgeableCache;
import org.infinispan.client.hotrod.MetadataValue;
import org.infinispan.client.hotrod.configuration.NearCacheConfiguration;
import org.infinispan.client.hotrod.configuration.NearCacheMode;
import org.infinispan.client.hotrod.impl.MetadataValueImpl;
import org.infinispan.client.hotrod.near.NearCache;
import org.infinispan.commons.marshall.ProtoStreamMarshaller;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A near cache, called as the client calls it. */
class NearCacheTest {
  private static final int MIB = 1 << 20;

  private final List<Integer> removals = new ArrayList<>();
  private final PurgeableNearCacheFactory factory =
      new PurgeableNearCacheFactory(Codec.bytes(), cache -> cache.maximumBytes(4 * MIB));
  private final NearCache<Integer, byte[]> near = near(factory);
  private int fillers = 1000;

  @AfterEach
  void close() {
    factory.close();
  }

  private NearCache<Integer, byte[]> near(PurgeableNearCacheFactory factory) {
    return factory.createNearCache(
        configuration(factory), (Integer key, MetadataValue<byte[]> value) -> removals.add(key));
  }

  private static NearCacheConfiguration configuration(PurgeableNearCacheFactory factory) {
    return new NearCacheConfiguration(NearCacheMode.INVALIDATED, -1, false, factory);
  }

  private static MetadataValue<byte[]> placeholder() {
    return new MetadataValueImpl<>(-1, -1, -1, -1, -1, null);
  }

  private static MetadataValue<byte[]> value(long number) {
    byte[] bytes = new byte[20_000];
    ByteBuffer.wrap(bytes).putLong(number);
    return new MetadataValueImpl<>(-1, -1, -1, -1, number, bytes);
  }

  private static long number(MetadataValue<byte[]> value) {
    return ByteBuffer.wrap(value.getValue()).getLong();
  }

  /** Reads what the server has, as the client does: through a placeholder. */
  private void ask(int key, long answer) {
    MetadataValue<byte[]> placeholder = placeholder();
    assertTrue(near.putIfAbsent(key, placeholder));
    assertTrue(near.replace(key, placeholder, value(answer)));
  }

  private PurgeableCache<?, ?> values() {
    return factory.caches().get(0);
  }

  /** Fills the segments that are written to at the moment, so that all before can be purged. */
  private void purge() {
    for (int i = 0; i < 50; i++) {
      ask(++fillers, i);
    }
    values().discard();
  }

  @Test
  void valueTakesThePlaceOfItsPlaceholder() {
    MetadataValue<byte[]> placeholder = placeholder();
    assertNull(near.get(1));
    assertTrue(near.putIfAbsent(1, placeholder));
    assertSame(placeholder, near.get(1));
    assertFalse(near.putIfAbsent(1, placeholder()));
    assertFalse(near.replace(1, placeholder(), value(2)), "of another reader");
    assertTrue(near.replace(1, placeholder, value(3)));
    assertEquals(3, number(near.get(1)));
    assertFalse(near.replace(1, placeholder, value(4)), "it is gone");
    assertFalse(near.remove(1, placeholder));
    assertFalse(near.putIfAbsent(1, placeholder()), "there is a value");
    assertEquals(3, number(near.get(1)));
    assertEquals(1, near.size());
  }

  @Test
  void answerThatIsOlderThanAWriteIsNotKept() {
    MetadataValue<byte[]> placeholder = placeholder();
    assertTrue(near.putIfAbsent(1, placeholder));
    assertTrue(near.remove(1));
    assertFalse(near.replace(1, placeholder, value(1)));
    assertNull(near.get(1));

    MetadataValue<byte[]> next = placeholder();
    assertTrue(near.putIfAbsent(1, next));
    assertFalse(near.replace(1, placeholder, value(1)));
    assertFalse(near.remove(1, placeholder));
    assertTrue(near.replace(1, next, value(2)));
    assertEquals(2, number(near.get(1)));

    assertTrue(near.putIfAbsent(2, placeholder));
    near.clear();
    assertFalse(near.replace(2, placeholder, value(1)));
    assertNull(near.get(1));
    assertNull(near.get(2));
    assertEquals(0, near.size());
  }

  /** A key that does something when its hash is asked for the n-th time. */
  private static final class Key {
    private int left;
    private Runnable then = () -> {};

    @Override
    public int hashCode() {
      if (--left == 0) {
        then.run();
      }
      return 1;
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Key;
    }
  }

  @Test
  void removalTakesWhatIsStoredMeanwhile() {
    NearCache<Object, byte[]> any =
        factory.createNearCache(configuration(factory), (key, value) -> {});
    for (int call = 1; call <= 10; call++) {
      MetadataValue<byte[]> placeholder = placeholder();
      assertTrue(any.putIfAbsent(new Key(), placeholder));
      Key key = new Key();
      key.left = call;
      key.then = () -> any.replace(new Key(), placeholder, value(1));
      assertTrue(any.remove(key));
      assertNull(any.get(new Key()), "stored at call " + call);
    }
  }

  @Test
  void removalTakesWhatWasStoredBeforeItsPlaceholderWent() {
    int[] asked = new int[1];
    int[] inTime = new int[1];
    List<NearCache<Integer, byte[]>> itself = new ArrayList<>();
    itself.add(
        factory.createNearCache(
            configuration(factory),
            (Integer key, MetadataValue<byte[]> value) -> {
              // What makes room is told after the value is stored, before the placeholder goes.
              if (key != asked[0] && inTime[0] != asked[0]) {
                inTime[0] = asked[0];
                assertTrue(itself.get(0).remove(asked[0]));
              }
            }));
    for (int key = 1; key < 1000; key++) {
      asked[0] = key;
      MetadataValue<byte[]> placeholder = placeholder();
      assertTrue(itself.get(0).putIfAbsent(key, placeholder));
      assertTrue(itself.get(0).replace(key, placeholder, value(key)));
      if (inTime[0] == key) {
        assertNull(itself.get(0).get(key));
      }
    }
    assertTrue(inTime[0] > 0);
  }

  @Test
  void nothingIsKeptUntilTheClientIsConnectedAgain() {
    ask(1, 1);
    near.clear();
    assertFalse(near.putIfAbsent(1, placeholder()), "nobody would invalidate it");
    assertNull(near.get(1));
    ask(1, 2);
    assertEquals(2, number(near.get(1)));
  }

  @Test
  void purgedValueIsAskedForAgain() {
    ask(1, 1);
    purge();
    assertNull(near.get(1));
    ask(1, 2);
    assertEquals(2, number(near.get(1)));
  }

  @Test
  void purgedValueNeedsNoReadToBeAbsent() {
    ask(1, 1);
    purge();
    ask(1, 2);
    assertEquals(2, number(near.get(1)));
    purge();
    assertTrue(near.remove(1), "the entry was there");
    assertFalse(near.remove(1));
  }

  @Test
  void placeholderIsNotPurged() {
    MetadataValue<byte[]> placeholder = placeholder();
    assertTrue(near.putIfAbsent(1, placeholder));
    purge();
    assertSame(placeholder, near.get(1));
    assertTrue(near.replace(1, placeholder, value(1)));
    assertEquals(1, number(near.get(1)));
  }

  @Test
  void valueMayBePutWithoutAPlaceholder() {
    assertTrue(near.putIfAbsent(1, value(1)));
    assertFalse(near.putIfAbsent(1, value(2)));
    assertEquals(1, number(near.get(1)));
    assertTrue(near.remove(1, near.get(1)), "values have no identity");
    assertNull(near.get(1));
  }

  @Test
  void clientLearnsWhatIsGone() {
    ask(1, 1);
    ask(2, 1);
    MetadataValue<byte[]> placeholder = placeholder();
    assertTrue(near.putIfAbsent(3, placeholder));
    assertTrue(near.remove(3, placeholder));
    assertTrue(near.remove(1));
    assertEquals(List.of(3, 1), removals);
    purge();
    assertNull(near.get(2));
    assertTrue(removals.contains(2));
  }

  @Test
  void iteratorShowsEachKeyThatMayBeReturned() {
    ask(1, 1);
    purge();
    assertTrue(near.putIfAbsent(2, placeholder()));
    ask(3, 30);
    Set<Integer> keys = new HashSet<>();
    near.forEach(
        entry -> {
          keys.add(entry.getKey());
          if (entry.getKey() == 3) {
            assertEquals(30, number(entry.getValue()));
            assertThrows(UnsupportedOperationException.class, () -> entry.setValue(value(1)));
          }
        });
    assertTrue(keys.containsAll(Set.of(1, 2, 3)));
    assertEquals(near.size(), keys.size());
    assertEquals(0, values().statistics().purged(), "it reads values only if it is asked for them");
  }

  @Test
  void allOfAnEntryIsKept() {
    long[] numbers = {Long.MIN_VALUE, -1, 0, 1L << 40, Long.MAX_VALUE};
    int[] seconds = {Integer.MIN_VALUE, -1, 0, 77, Integer.MAX_VALUE};
    MetadataCodec<byte[]> codec = new MetadataCodec<>(Codec.bytes());
    for (int i = 0; i < numbers.length; i++) {
      int next = (i + 1) % numbers.length;
      MetadataValue<byte[]> kept =
          codec.decode(
              codec.encode(
                  new MetadataValueImpl<>(
                      numbers[i],
                      seconds[i],
                      numbers[next],
                      seconds[next],
                      ~numbers[i],
                      new byte[i])));
      assertEquals(numbers[i], kept.getCreated());
      assertEquals(seconds[i], kept.getLifespan());
      assertEquals(numbers[next], kept.getLastUsed());
      assertEquals(seconds[next], kept.getMaxIdle());
      assertEquals(~numbers[i], kept.getVersion());
      assertArrayEquals(new byte[i], kept.getValue());
    }
  }

  @Test
  void marshallerMakesBytesOfValues() {
    Codec<Object> codec = PurgeableNearCacheFactory.codec(new ProtoStreamMarshaller());
    for (Object value : List.of("text", 17, 1L << 40, true)) {
      assertEquals(value, codec.decode(codec.encode(value)));
    }
    assertThrows(RuntimeException.class, () -> codec.encode(new Object()));
  }

  @Test
  void codecThatFailsLeavesNoPlaceholder() {
    Codec<byte[]> failing =
        new Codec<>() {
          @Override
          public ByteBuffer encode(byte[] value) {
            throw new UncheckedIOException(new IOException());
          }

          @Override
          public byte[] decode(ByteBuffer bytes) {
            throw new AssertionError();
          }
        };
    try (var other = new PurgeableNearCacheFactory(failing, cache -> cache.maximumBytes(4 * MIB))) {
      NearCache<Integer, byte[]> broken = near(other);
      MetadataValue<byte[]> placeholder = placeholder();
      assertTrue(broken.putIfAbsent(1, placeholder));
      assertThrows(UncheckedIOException.class, () -> broken.replace(1, placeholder, value(1)));
      assertTrue(broken.putIfAbsent(1, placeholder()));
    }
  }

  @Test
  void optionsNameTheMaximum() {
    try (var other = new PurgeableNearCacheFactory(Codec.bytes(), cache -> {})) {
      assertThrows(IllegalStateException.class, () -> near(other));
      assertTrue(other.caches().isEmpty());
    }
  }

  @Test
  void closeEndsTheCaches() {
    PurgeableCache<?, ?> values = values();
    factory.close();
    assertTrue(factory.caches().isEmpty());
    assertThrows(IllegalStateException.class, values::statistics);
    factory.close();
  }

  @Test
  void closeGivesTheMemoryBack() {
    long before = addressSpace();
    openAndClose(4L << 30);
    // Before Java 22 the addresses are free when a collection has found that nobody has a buffer.
    Cluster.await(
        () -> {
          System.gc();
          return addressSpace() - before < 2L << 30;
        });
  }

  private void openAndClose(long bytes) {
    long before = addressSpace();
    try (var large =
        new PurgeableNearCacheFactory(Codec.bytes(), cache -> cache.maximumBytes(bytes))) {
      NearCache<Integer, byte[]> unused = near(large);
      assertTrue(addressSpace() - before > bytes / 2);
    }
  }

  /** Returns how many bytes of addresses this process has. */
  private static long addressSpace() {
    try {
      return 1024
          * Files.readAllLines(Path.of("/proc/self/status")).stream()
              .filter(line -> line.startsWith("VmSize:"))
              .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
              .findFirst()
              .orElseThrow();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Reads and writes of many threads, and purges. What a server has of each key is a number that
   * only grows. A hit must not be older than an invalidation that was over before.
   */
  @Test
  void noHitIsOlderThanAnInvalidation() throws Exception {
    int keys = 40;
    int writtenKeys = 4;
    int writes = 20_000;
    AtomicLongArray server = new AtomicLongArray(keys);
    AtomicLongArray invalidated = new AtomicLongArray(keys);
    AtomicLongArray hits = new AtomicLongArray(keys);
    AtomicBoolean written = new AtomicBoolean();
    NearCache<Integer, byte[]> shared =
        factory.createNearCache(configuration(factory), (key, value) -> {});
    Callable<Void> writer =
        () -> {
          for (int i = 0; i < writes; i++) {
            int key = i % writtenKeys;
            long number = server.incrementAndGet(key);
            if (i % 1000 == 999) {
              shared.clear();
            } else {
              boolean unused = shared.remove(key);
            }
            invalidated.accumulateAndGet(key, number, Math::max);
            while (hits.get(key) < number / 4 && !written.get()) {
              Thread.onSpinWait(); // each key is read, too
            }
          }
          return null;
        };
    Callable<Void> reader =
        () -> {
          for (int i = 0; !written.get(); i++) {
            int key = i % 2 == 0 ? i / 2 % keys : i / 2 % writtenKeys;
            long least = invalidated.get(key);
            MetadataValue<byte[]> found = shared.get(key);
            if (found != null && found.getValue() != null) {
              hits.incrementAndGet(key);
              long number = number(found);
              assertEquals(number, found.getVersion());
              assertTrue(number >= least, () -> number + " was returned after " + least);
              continue;
            }
            MetadataValue<byte[]> placeholder = placeholder();
            boolean first = shared.putIfAbsent(key, placeholder);
            MetadataValue<byte[]> answer = value(server.get(key));
            boolean unused =
                first ? shared.replace(key, placeholder, answer) : shared.remove(key, placeholder);
          }
          return null;
        };
    Callable<Void> purger =
        () -> {
          while (!written.get()) {
            factory.caches().get(1).discard();
            Thread.onSpinWait();
          }
          return null;
        };
    var threads = Executors.newFixedThreadPool(4);
    try {
      var reading = List.of(threads.submit(reader), threads.submit(reader));
      var purging = threads.submit(purger);
      var writing = threads.submit(writer);
      try {
        while (!writing.isDone() && reading.stream().noneMatch(task -> task.isDone())) {
          Thread.sleep(1);
        }
      } finally {
        written.set(true);
      }
      writing.get();
      purging.get();
      for (var task : reading) {
        task.get();
      }
    } finally {
      threads.shutdown();
    }
    assertTrue(factory.caches().get(1).statistics().purged() > 0);
  }
}
