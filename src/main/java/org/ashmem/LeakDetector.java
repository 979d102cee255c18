// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.System.Logger;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.function.Supplier;
import org.apache.commons.lang3.StringUtils;
import org.jspecify.annotations.Nullable;

/**
 * Reports regions and mappings that were never closed. The property {@value #LEAKS} sets the level.
 *
 * <p>Each place of creation is reported once. If places are not recorded, each region name is
 * reported once instead.
 *
 * <p>Thread-safe.
 */
final class LeakDetector {
  static final String LEAKS = "org.ashmem.leaks";

  /** The maximum number of places to record and report: each region may have another name. */
  static final int MAX_PLACES = 1000;

  /** The values of the property, in upper case. */
  enum Level {
    OFF,
    /** Has no cost until something leaks. */
    SIMPLE,
    /** Takes a stack trace for each region and mapping that is created. */
    PARANOID
  }

  private static final Level DEFAULT = Level.SIMPLE;

  static final LeakDetector INSTANCE =
      of(System.getProperties(), () -> System.getLogger("org.ashmem"));

  private final Level level;

  /** Called only when there is something to report, because logging is slow to start. */
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

  /** Returns a record of the caller's place, or null if places are not recorded. */
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

  /** Returns the number of the new place, from 1, or 0 if the place must not be reported. */
  private synchronized int remember(Object place) {
    return places.size() < MAX_PLACES && places.add(place) ? places.size() : 0;
  }

  private static String text(Level level) {
    return StringUtils.toRootLowerCase(level.name());
  }

  /** Is never thrown. Its stack trace shows where a region or mapping was created. */
  private static final class Creation extends Throwable {
    private static final long serialVersionUID = 1;

    Creation() {
      super("created by thread '" + Thread.currentThread().getName() + "'");
    }
  }
}
