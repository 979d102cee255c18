// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.jcache;

import java.util.concurrent.atomic.LongAdder;
import javax.cache.management.CacheStatisticsMXBean;

/** Counts of a cache, while they are enabled. Thread-safe. */
final class Statistics implements CacheStatisticsMXBean {
  private static final float MICROSECOND = 1000;

  private final LongAdder hits = new LongAdder();
  private final LongAdder misses = new LongAdder();
  private final LongAdder puts = new LongAdder();
  private final LongAdder removals = new LongAdder();
  private final LongAdder evictions = new LongAdder();
  private final LongAdder getTime = new LongAdder();
  private final LongAdder putTime = new LongAdder();
  private final LongAdder removeTime = new LongAdder();
  private volatile boolean enabled;

  void enable(boolean on) {
    enabled = on;
  }

  /** Returns a time for the methods that count. */
  long start() {
    return enabled ? System.nanoTime() : 0;
  }

  void got(boolean hit, long start) {
    if (enabled) {
      (hit ? hits : misses).increment();
      add(getTime, start);
    }
  }

  void put(long start) {
    if (enabled) {
      puts.increment();
      add(putTime, start);
    }
  }

  void removed(long start) {
    if (enabled) {
      removals.increment();
      add(removeTime, start);
    }
  }

  void evicted() {
    if (enabled) {
      evictions.increment();
    }
  }

  /** Statistics that were enabled meanwhile have no start. */
  private static void add(LongAdder time, long start) {
    if (start != 0) {
      time.add(System.nanoTime() - start);
    }
  }

  @Override
  public void clear() {
    for (LongAdder count :
        new LongAdder[] {hits, misses, puts, removals, evictions, getTime, putTime, removeTime}) {
      count.reset();
    }
  }

  @Override
  public long getCacheHits() {
    return hits.sum();
  }

  @Override
  public float getCacheHitPercentage() {
    return percentage(getCacheHits());
  }

  @Override
  public long getCacheMisses() {
    return misses.sum();
  }

  @Override
  public float getCacheMissPercentage() {
    return percentage(getCacheMisses());
  }

  private float percentage(long part) {
    long gets = getCacheGets();
    return gets == 0 ? 0 : 100f * part / gets;
  }

  @Override
  public long getCacheGets() {
    return getCacheHits() + getCacheMisses();
  }

  @Override
  public long getCachePuts() {
    return puts.sum();
  }

  @Override
  public long getCacheRemovals() {
    return removals.sum();
  }

  @Override
  public long getCacheEvictions() {
    return evictions.sum();
  }

  @Override
  public float getAverageGetTime() {
    return average(getTime, getCacheGets());
  }

  @Override
  public float getAveragePutTime() {
    return average(putTime, getCachePuts());
  }

  @Override
  public float getAverageRemoveTime() {
    return average(removeTime, getCacheRemovals());
  }

  private static float average(LongAdder time, long count) {
    return count == 0 ? 0 : time.sum() / MICROSECOND / count;
  }
}
