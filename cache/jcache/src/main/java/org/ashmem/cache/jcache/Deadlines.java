// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.jcache;

import java.util.function.Supplier;
import javax.cache.expiry.Duration;
import javax.cache.expiry.ExpiryPolicy;
import org.jspecify.annotations.Nullable;

/** Asks an expiry policy when an entry expires: in milliseconds of {@link #now}. Thread-safe. */
final class Deadlines {
  static final long NEVER = Long.MAX_VALUE;

  private final long start = System.nanoTime();
  private final ExpiryPolicy policy;

  Deadlines(ExpiryPolicy policy) {
    this.policy = policy;
  }

  /** Milliseconds since this object was made, so that they do not jump with the machine's clock. */
  long now() {
    return (System.nanoTime() - start) / 1_000_000;
  }

  long afterCreation() {
    return deadline(policy::getExpiryForCreation, NEVER);
  }

  long afterAccess(long otherwise) {
    return deadline(policy::getExpiryForAccess, otherwise);
  }

  long afterUpdate(long otherwise) {
    return deadline(policy::getExpiryForUpdate, otherwise);
  }

  boolean hasPassed(long deadline) {
    return deadline != NEVER && deadline <= now();
  }

  /** A policy that throws changes nothing, as the specification allows. */
  private long deadline(Supplier<@Nullable Duration> asked, long otherwise) {
    Duration duration;
    try {
      duration = asked.get();
    } catch (RuntimeException e) {
      System.getLogger("org.ashmem.cache")
          .log(System.Logger.Level.WARNING, "an expiry policy threw", e);
      return otherwise;
    }
    if (duration == null) {
      return otherwise;
    }
    if (duration.isEternal()) {
      return NEVER;
    }
    long now = now();
    long length = duration.getTimeUnit().toMillis(duration.getDurationAmount());
    return length < NEVER - now ? now + length : NEVER;
  }

  ExpiryPolicy policy() {
    return policy;
  }
}
