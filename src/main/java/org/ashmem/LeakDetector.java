// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.System.Logger;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Tells of regions and mappings that nobody closed, as far as the property {@value #LEAKS} says so.
 *
 * <p>Each place of creation is told of once. Where places are not recorded the region's name stands
 * for them.
 *
 * <p>Safe for use by many threads.
 */
final class LeakDetector {
  static final String LEAKS = "org.ashmem.leaks";

  /** So many are remembered and told of: a program may name each of its regions differently. */
  static final int MAX_PLACES = 1000;

  /** The values of the property, in capitals. */
  enum Level {
    OFF,
    /** Costs nothing until something leaks. */
    SIMPLE,
    /** Costs a stack trace for each that is created. */
    PARANOID
  }

  private static final Level DEFAULT = Level.SIMPLE;

  static final LeakDetector INSTANCE =
      of(System.getProperties(), () -> System.getLogger("org.ashmem"));

  private final Level level;

  /** Asked for when there is something to tell: logging is slow to start. */
  private final Supplier<Logger> logger;

  private final Set<Object> places = new HashSet<>();

  LeakDetector(Level level, Supplier<Logger> logger) {
    this.level = level;
    this.logger = logger;
  }

  static LeakDetector of(Properties properties, Supplier<Logger> logger) {
    String value = properties.getProperty(LEAKS);
    if (value == null) {
      return new LeakDetector(DEFAULT, logger);
    }
    for (Level level : Level.values()) {
      if (value.equals(text(level))) {
        return new LeakDetector(level, logger);
      }
    }
    logger
        .get()
        .log(
            Logger.Level.WARNING,
            "the property {0} is one of off, simple and paranoid, not ''{1}'': it is taken for {2}",
            LEAKS,
            value,
            text(DEFAULT));
    return new LeakDetector(DEFAULT, logger);
  }

  Level level() {
    return level;
  }

  /** What is to be recorded of the caller's place; null for nothing. */
  @Nullable Throwable creation() {
    return level == Level.PARANOID ? new Creation() : null;
  }

  void report(Lifetime leaked) {
    if (level == Level.OFF) {
      return;
    }
    Throwable creation = leaked.creation();
    int told =
        remember(
            creation == null
                ? List.of(leaked.kind(), leaked.regionName())
                : Arrays.asList(creation.getStackTrace()));
    if (told == 0) {
      return;
    }
    String message = leaked + " was never closed: the collector found it, and it is freed";
    if (creation == null) {
      message += "; -D" + LEAKS + "=" + text(Level.PARANOID) + " records where it was created";
    }
    if (told == MAX_PLACES) {
      message += "; this was the last of " + MAX_PLACES + " that are told of";
    }
    logger.get().log(Logger.Level.WARNING, message, creation);
  }

  /** Which place it is, counted from 1; 0 if it is not to be told of. */
  private synchronized int remember(Object place) {
    return places.size() < MAX_PLACES && places.add(place) ? places.size() : 0;
  }

  private static String text(Level level) {
    return level.name().toLowerCase(Locale.ROOT);
  }

  /** Never thrown: its stack trace is where something was created. */
  private static final class Creation extends Throwable {
    private static final long serialVersionUID = 1;

    Creation() {
      super("created by thread '" + Thread.currentThread().getName() + "'");
    }
  }
}
