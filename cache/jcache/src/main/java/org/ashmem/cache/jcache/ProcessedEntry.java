// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.jcache;

import java.util.Objects;
import java.util.function.Supplier;
import javax.cache.processor.MutableEntry;
import org.jspecify.annotations.Nullable;

/** An entry while a processor looks at it. What it did is carried out afterwards. */
final class ProcessedEntry<K, V> implements MutableEntry<K, V> {
  /** What is to be carried out. */
  enum Work {
    NONE,
    ACCESS,
    LOAD,
    WRITE,
    REMOVE
  }

  private final K key;
  private final boolean existed;
  private final Supplier<@Nullable V> reader;
  private final Supplier<@Nullable V> loader;
  private @Nullable V value;
  private boolean exists;

  /** Was the value asked for, set or removed? */
  private boolean known;

  /** May anybody else know of the key, so that a removal is to be carried out? */
  private boolean behind;

  private Work work = Work.NONE;

  /**
   * @param existed does the cache have the key?
   * @param reader returns its value
   * @param loader loads a value that the cache does not have, or returns null
   */
  ProcessedEntry(
      K key, boolean existed, Supplier<@Nullable V> reader, Supplier<@Nullable V> loader) {
    this.key = key;
    this.existed = existed;
    this.exists = existed;
    this.behind = existed;
    this.reader = reader;
    this.loader = loader;
  }

  @Override
  public K getKey() {
    return key;
  }

  @Override
  public boolean exists() {
    return exists;
  }

  @Override
  public @Nullable V getValue() {
    if (!known) {
      known = true;
      value = existed ? reader.get() : loader.get();
      exists = value != null;
      if (exists) {
        work = existed ? Work.ACCESS : Work.LOAD;
        behind = true;
      }
    }
    return value;
  }

  @Override
  public void setValue(V newValue) {
    value = Objects.requireNonNull(newValue, "value");
    known = true;
    exists = true;
    work = Work.WRITE;
  }

  @Override
  public void remove() {
    behind |= work != Work.WRITE;
    work = behind ? Work.REMOVE : Work.NONE;
    value = null;
    known = true;
    exists = false;
  }

  Work work() {
    return work;
  }

  @Nullable V value() {
    return value;
  }

  @Override
  public <T> T unwrap(Class<T> type) {
    return Unwrapping.unwrap(type, this);
  }
}
