// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.Arrays;
import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Threshold;
import org.jspecify.annotations.Nullable;

/**
 * The events of the JDK's Flight Recorder. One method begins an event, and returns null if the
 * event is not recorded. Another method commits the event. If the call in between is refused, the
 * event is dropped.
 *
 * <p>A runtime may lack the module jdk.jfr. Then no event class can be loaded. Therefore code
 * outside the event classes must not convert an event to another type: the conversion alone would
 * load its class.
 *
 * <p>Thread-safe.
 */
final class Events {
  private static final boolean PRESENT =
      ModuleLayer.boot()
          .findModule("jdk.jfr")
          .filter(Events.class.getModule()::canRead)
          .isPresent();

  private Events() {}

  static @Nullable MapEvent map(String regionName, MapMode mode, long offset, long length) {
    if (!PRESENT || !MapEvent.ANY.isEnabled()) {
      return null;
    }
    MapEvent event = new MapEvent(regionName, mode.name(), offset, length);
    event.begin();
    return event;
  }

  static void mapped(@Nullable MapEvent event) {
    if (event != null) {
      event.commit();
    }
  }

  static @Nullable PinEvent pin(String regionName, long offset, long length) {
    if (!PRESENT || !PinEvent.ANY.isEnabled()) {
      return null;
    }
    PinEvent event = new PinEvent(regionName, offset, length);
    event.begin();
    return event;
  }

  static void pinned(
      @Nullable PinEvent event, String regionName, long offset, long length, PinResult result) {
    if (event != null) {
      event.purged = result == PinResult.WAS_PURGED;
      event.commit();
    }
    if (result == PinResult.WAS_PURGED && PRESENT && PurgeFoundEvent.ANY.isEnabled()) {
      new PurgeFoundEvent(regionName, offset, length).commit();
    }
  }

  /** Begins one event for many ranges. */
  static @Nullable PinEvent pinAll(String regionName, PinRange[] ranges) {
    if (!PRESENT || !PinEvent.ANY.isEnabled()) {
      return null;
    }
    long start = start(ranges);
    return pin(regionName, start, end(ranges) - start);
  }

  static void pinned(@Nullable PinEvent event, String regionName, PinResults results) {
    if (event != null) {
      event.purged = results.wasPurged();
      event.commit();
    }
    if (PRESENT && PurgeFoundEvent.ANY.isEnabled()) {
      for (PinRange range : results.purged()) {
        new PurgeFoundEvent(regionName, range.offset(), range.length()).commit();
      }
    }
  }

  /** Begins one event for many ranges. */
  static @Nullable UnpinEvent unpinAll(String regionName, PinRange[] ranges) {
    if (!PRESENT || !UnpinEvent.ANY.isEnabled()) {
      return null;
    }
    long start = start(ranges);
    return unpin(regionName, start, end(ranges) - start);
  }

  private static long start(PinRange[] ranges) {
    return Arrays.stream(ranges).mapToLong(PinRange::offset).min().orElse(0);
  }

  private static long end(PinRange[] ranges) {
    return Arrays.stream(ranges).mapToLong(each -> each.offset() + each.length()).max().orElse(0);
  }

  static @Nullable UnpinEvent unpin(String regionName, long offset, long length) {
    if (!PRESENT || !UnpinEvent.ANY.isEnabled()) {
      return null;
    }
    UnpinEvent event = new UnpinEvent(regionName, offset, length);
    event.begin();
    return event;
  }

  static void unpinned(@Nullable UnpinEvent event) {
    if (event != null) {
      event.commit();
    }
  }

  static @Nullable CloseEvent close(Lifetime closing) {
    if (!PRESENT || !CloseEvent.ANY.isEnabled()) {
      return null;
    }
    CloseEvent event =
        new CloseEvent(
            closing.kind().name(), closing.regionName(), closing.offset(), closing.length());
    event.begin();
    return event;
  }

  static void closed(@Nullable CloseEvent event) {
    if (event != null) {
      event.commit();
    }
  }

  static void leaked(Lifetime leaked) {
    if (PRESENT && LeakEvent.ANY.isEnabled()) {
      new LeakEvent(
              leaked.kind().name(),
              leaked.regionName(),
              leaked.offset(),
              leaked.length(),
              trace(leaked.creation()))
          .commit();
    }
  }

  private static @Nullable String trace(@Nullable Throwable creation) {
    if (creation == null) {
      return null;
    }
    StringBuilder lines = new StringBuilder(String.valueOf(creation.getMessage()));
    for (StackTraceElement each : creation.getStackTrace()) {
      lines.append("\n  at ").append(each);
    }
    return lines.toString();
  }

  /** The fields that all events have. */
  @Category("ashmem")
  abstract static class RangeEvent extends Event {
    @Label("Region")
    @Description("The region's name")
    final String regionName;

    @Label("Offset")
    @Description("Where in the region the range begins")
    @DataAmount
    final long offset;

    @Label("Length")
    @DataAmount
    final long length;

    RangeEvent(String regionName, long offset, long length) {
      this.regionName = regionName;
      this.offset = offset;
      this.length = length;
    }
  }

  @Name("org.ashmem.Map")
  @Label("Map")
  @Description("A part of a region was mapped")
  static final class MapEvent extends RangeEvent {
    static final MapEvent ANY = new MapEvent("", "", 0, 0);

    @Label("Mode")
    @Description("READ_ONLY, READ_WRITE or PRIVATE")
    final String mode;

    MapEvent(String regionName, String mode, long offset, long length) {
      super(regionName, offset, length);
      this.mode = mode;
    }
  }

  @Name("org.ashmem.Pin")
  @Label("Pin")
  @Description("A range was pinned; by default only calls that took long are recorded")
  @Threshold("1 ms")
  static final class PinEvent extends RangeEvent {
    static final PinEvent ANY = new PinEvent("", 0, 0);

    @Label("Purged")
    @Description("Whether at least one page of the range was purged")
    boolean purged;

    PinEvent(String regionName, long offset, long length) {
      super(regionName, offset, length);
    }
  }

  @Name("org.ashmem.Unpin")
  @Label("Unpin")
  @Description("A range was unpinned; by default only calls that took long are recorded")
  @Threshold("1 ms")
  static final class UnpinEvent extends RangeEvent {
    static final UnpinEvent ANY = new UnpinEvent("", 0, 0);

    UnpinEvent(String regionName, long offset, long length) {
      super(regionName, offset, length);
    }
  }

  @Name("org.ashmem.PurgeFound")
  @Label("Purge Found")
  @Description("Pinning a range found at least one page of it purged")
  static final class PurgeFoundEvent extends RangeEvent {
    static final PurgeFoundEvent ANY = new PurgeFoundEvent("", 0, 0);

    PurgeFoundEvent(String regionName, long offset, long length) {
      super(regionName, offset, length);
    }
  }

  @Name("org.ashmem.Close")
  @Label("Close")
  @Description("A region, a mapping or lazy memory was closed")
  static final class CloseEvent extends RangeEvent {
    static final CloseEvent ANY = new CloseEvent("", "", 0, 0);

    @Label("Kind")
    @Description("REGION, MAPPING or LAZY_MEMORY")
    final String kind;

    CloseEvent(String kind, String regionName, long offset, long length) {
      super(regionName, offset, length);
      this.kind = kind;
    }
  }

  /** Has no stack trace: the event comes from the cleaner's thread, whose stack is useless. */
  @Name("org.ashmem.Leak")
  @Label("Leak")
  @Description("A region, a mapping or lazy memory was not closed before it became unreachable")
  @StackTrace(false)
  static final class LeakEvent extends RangeEvent {
    static final LeakEvent ANY = new LeakEvent("", "", 0, 0, null);

    @Label("Kind")
    @Description("REGION, MAPPING or LAZY_MEMORY")
    final String kind;

    @Label("Creation")
    @Description("Where it was created, with org.ashmem.leaks=paranoid")
    final @Nullable String creation;

    LeakEvent(String kind, String regionName, long offset, long length, @Nullable String creation) {
      super(regionName, offset, length);
      this.kind = kind;
      this.creation = creation;
    }
  }
}
