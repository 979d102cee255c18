// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.jcache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import javax.cache.Cache;
import javax.cache.CacheManager;
import javax.cache.integration.CacheLoader;
import javax.cache.integration.CacheWriter;
import javax.cache.processor.MutableEntry;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Each answer beside that of a map: it is the same, or as if the entry were missing. */
class ModelTest {
  private static final int KEYS = 20;

  private final CacheManager manager = new PurgeableCachingProvider().getCacheManager();

  @AfterEach
  void close() {
    manager.close();
  }

  private Cache<Integer, Long> cache(PurgeableConfiguration<Integer, Long> configuration) {
    return manager.createCache("model", configuration.setMaximumBytes(2 << 20));
  }

  /**
   * What an operation answers of an entry that has a value, or none, and what it leaves. The map is
   * the model; where the cache answers as if the value were missing, so does the model afterwards.
   */
  private static final class Step {
    private final Cache<Integer, Long> cache;
    private final Map<Integer, Long> model;
    private final Random random;
    private final int key;
    private final Long value;

    Step(Cache<Integer, Long> cache, Map<Integer, Long> model, Random random, long next) {
      this.cache = cache;
      this.model = model;
      this.random = random;
      this.key = random.nextInt(KEYS);
      this.value = next;
    }

    /** Does something at random. */
    void run(boolean mayMiss) {
      Long old = model.get(key);
      Long guess = random.nextBoolean() ? old : Long.valueOf(-1);
      if (guess == null) {
        guess = -1L;
      }
      boolean right = guess.equals(old);
      Object answer;
      Object present;
      Object absent;
      Long left = old;
      Long leftIfAbsent = null;
      String name;
      switch (random.nextInt(11)) {
        case 0 -> {
          name = "get";
          answer = cache.get(key);
          present = old;
          absent = null;
        }
        case 1 -> {
          name = "containsKey";
          answer = cache.containsKey(key);
          present = true;
          absent = false;
        }
        case 2 -> {
          name = "getAndPut";
          answer = cache.getAndPut(key, value);
          present = old;
          absent = null;
          left = value;
          leftIfAbsent = value;
        }
        case 3 -> {
          name = "putIfAbsent";
          answer = cache.putIfAbsent(key, value);
          present = false;
          absent = true;
          leftIfAbsent = value;
        }
        case 4 -> {
          name = "remove";
          answer = cache.remove(key);
          present = true;
          absent = false;
          left = null;
        }
        case 5 -> {
          name = "remove old";
          answer = cache.remove(key, guess);
          present = right;
          absent = false;
          left = right ? null : old;
          // A false may be a miss: the entry is then as it was, or gone.
        }
        case 6 -> {
          name = "getAndRemove";
          answer = cache.getAndRemove(key);
          present = old;
          absent = null;
          left = null;
        }
        case 7 -> {
          name = "replace old";
          answer = cache.replace(key, guess, value);
          present = right;
          absent = false;
          left = right ? value : old;
        }
        case 8 -> {
          name = "replace";
          answer = cache.replace(key, value);
          present = true;
          absent = false;
          left = value;
        }
        case 9 -> {
          name = "getAll";
          answer = cache.getAll(Set.of(key)).get(key);
          present = old;
          absent = null;
        }
        default -> {
          name = "invoke";
          answer =
              cache.invoke(
                  key,
                  (entry, arguments) -> {
                    Long was = entry.getValue();
                    entry.setValue(was == null ? value : was + 1);
                    return was;
                  });
          present = old;
          absent = null;
          left = old == null ? value : Long.valueOf(old + 1);
          leftIfAbsent = value;
        }
      }
      if (old != null && Objects.equals(answer, present)) {
        if (Objects.equals(present, absent)) {
          return; // It cannot be told which of both it is: the entry is as it was, or is missing.
        }
        set(left);
      } else {
        assertTrue(old == null || mayMiss, name + " missed " + key + ", which was not purged");
        assertEquals(absent, answer, name + " of " + key + ", which had " + old);
        set(leftIfAbsent);
      }
    }

    private void set(Long left) {
      if (left == null) {
        model.remove(key);
      } else {
        model.put(key, left);
      }
    }
  }

  @Test
  void eachAnswerIsTheModelsOrAMiss() {
    long seed = new Random().nextLong();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    Cache<Integer, Long> cache = cache(new PurgeableConfiguration<>());
    Map<Integer, Long> model = new HashMap<>();
    for (boolean purges : new boolean[] {false, true}) {
      for (long i = 1; i <= 10_000; i++) {
        if (purges && random.nextInt(10) == 0) {
          PurgingProvider.purge(cache);
        }
        new Step(cache, model, random, i * 1000).run(purges);
      }
    }
    assertTrue(PurgingProvider.below(cache).statistics().purged() > 300);
  }

  /** The data that the loader reads and the writer writes. */
  private static final class Backend
      implements CacheLoader<Integer, Long>, CacheWriter<Integer, Long> {
    private final Map<Integer, Long> values = new ConcurrentHashMap<>();

    @Override
    public Long load(Integer key) {
      return values.get(key);
    }

    @Override
    public Map<Integer, Long> loadAll(Iterable<? extends Integer> keys) {
      Map<Integer, Long> loaded = new HashMap<>();
      keys.forEach(key -> loaded.put(key, values.get(key)));
      return loaded;
    }

    @Override
    public void write(Cache.Entry<? extends Integer, ? extends Long> entry) {
      values.put(entry.getKey(), entry.getValue());
    }

    @Override
    public void writeAll(java.util.Collection<Cache.Entry<? extends Integer, ? extends Long>> all) {
      all.forEach(this::write);
    }

    @Override
    public void delete(Object key) {
      values.remove(key);
    }

    @Override
    public void deleteAll(java.util.Collection<?> keys) {
      keys.forEach(this::delete);
    }
  }

  /** With a backend behind it, a purge cannot be seen at all: many threads count, none is lost. */
  @Test
  void readThroughAndWriteThroughLoseNoUpdate() throws Exception {
    Backend backend = new Backend();
    PurgeableConfiguration<Integer, Long> configuration = new PurgeableConfiguration<>();
    configuration.setReadThrough(true).setWriteThrough(true);
    configuration.setCacheLoaderFactory(() -> backend).setCacheWriterFactory(() -> backend);
    Cache<Integer, Long> cache = cache(configuration);
    AtomicLong[] sums = new AtomicLong[KEYS];
    for (int i = 0; i < KEYS; i++) {
      sums[i] = new AtomicLong();
    }
    AtomicBoolean ended = new AtomicBoolean();
    ExecutorService threads = Executors.newFixedThreadPool(5);
    try {
      List<Future<?>> workers = new ArrayList<>();
      for (int t = 0; t < 4; t++) {
        int seed = t;
        workers.add(
            threads.submit(
                () -> {
                  Random random = new Random(seed);
                  long[] seen = new long[KEYS];
                  for (int i = 0; i < 10_000; i++) {
                    int key = random.nextInt(KEYS);
                    Long now =
                        switch (random.nextInt(4)) {
                          case 0 -> cache.get(key);
                          case 1 -> cache.getAll(Set.of(key, (key + 1) % KEYS)).get(key);
                          case 2 -> increment(cache, key, sums);
                          default -> replace(cache, key, sums);
                        };
                    long value = now == null ? 0 : now;
                    assertTrue(
                        value >= seen[key], "a stale value: " + value + " after " + seen[key]);
                    seen[key] = value;
                  }
                }));
      }
      Future<?> purger =
          threads.submit(
              () -> {
                while (!ended.get()) {
                  PurgingProvider.purge(cache);
                }
              });
      for (Future<?> worker : workers) {
        worker.get();
      }
      ended.set(true);
      purger.get();
    } finally {
      threads.shutdownNow();
    }
    for (int key = 0; key < KEYS; key++) {
      assertEquals(sums[key].get(), cache.get(key));
      assertEquals(sums[key].get(), backend.values.get(key));
    }
    assertTrue(PurgingProvider.below(cache).statistics().purged() > 100);
  }

  private static Long increment(Cache<Integer, Long> cache, int key, AtomicLong[] sums) {
    sums[key].incrementAndGet();
    return cache.invoke(
        key,
        (MutableEntry<Integer, Long> entry, Object... arguments) -> {
          Long was = entry.getValue();
          Long now = was == null ? 1 : was + 1;
          entry.setValue(now);
          return now;
        });
  }

  private static Long replace(Cache<Integer, Long> cache, int key, AtomicLong[] sums) {
    Long was = cache.get(key);
    if (was != null && cache.replace(key, was, was + 1)) {
      sums[key].incrementAndGet();
      return was + 1;
    }
    return was;
  }

  /** Without one, a key is created once for each time that it was missing. */
  @Test
  void ofManyThreadsOnePutsIfAbsent() throws Exception {
    Cache<Integer, Long> cache = cache(new PurgeableConfiguration<>());
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try {
      for (int i = 0; i < 2_000; i++) {
        int key = i;
        List<Future<Boolean>> puts = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
          long value = t;
          puts.add(threads.submit(() -> cache.putIfAbsent(key, value)));
        }
        int won = 0;
        long winner = -1;
        for (int t = 0; t < 4; t++) {
          if (puts.get(t).get()) {
            won++;
            winner = t;
          }
        }
        assertEquals(1, won);
        assertEquals(winner, cache.get(key));
      }
    } finally {
      threads.shutdownNow();
    }
  }
}
