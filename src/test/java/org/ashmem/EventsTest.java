// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Event;
import jdk.jfr.EventType;
import jdk.jfr.FlightRecorder;
import jdk.jfr.SettingDescriptor;
import jdk.jfr.consumer.RecordedEvent;
import org.apache.commons.lang3.Validate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EventsTest {
  private static final int SIZE = 4 * (int) AshmemRegion.pageSize();
  private static final int CALLS = 1_000_000;
  private static final PinRange[] RANGES = {new PinRange(4096, 8192), new PinRange(0, 4096)};

  /** Calls each method that may record an event, and prints whether the recorder is present. */
  static final class Program {
    private Program() {}

    public static void main(String[] args) {
      AshmemRegion region = new AshmemRegion(Shim.openFile(args[0].getBytes(UTF_8)), "plain", SIZE);
      Mapping mapping = region.map(MapMode.READ_ONLY, 0, SIZE);
      try {
        region.pin();
      } catch (AshmemException e) {
        System.out.println(e.call() + " " + e.errnoName());
      }
      try {
        region.unpin();
      } catch (AshmemException e) {
        System.out.println(e.call() + " " + e.errnoName());
      }
      pinAndUnpin("plain", PinResult.WAS_PURGED);
      mapping.close();
      region.close();
      Lifetime leaked = Lifetime.ofRegion("plain", SIZE);
      leaked.begin();
      leaked.end();
      System.out.println(
          "leaks "
              + Counters.leaks()
              + ", module "
              + Events.class.getModule().getName()
              + ", jdk.jfr "
              + ModuleLayer.boot().findModule("jdk.jfr").isPresent());
    }
  }

  /** Prints how many bytes a million calls allocate. */
  static final class Quiet {
    private Quiet() {}

    public static void main(String[] args) {
      ThreadMXBean thread = (ThreadMXBean) ManagementFactory.getThreadMXBean();
      long allocated = Long.MAX_VALUE;
      // The first round is a warm-up for linking and compiling.
      for (int round = 0; round < 2; round++) {
        long before = thread.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < CALLS; i++) {
          pinAndUnpin("quiet", PinResult.WAS_PURGED);
          Events.PinEvent many = Events.pinAll("quiet", RANGES);
          Events.pinned(many, "quiet", 0, 12288, PinResult.NOT_PURGED);
          Events.unpinned(Events.unpinAll("quiet", RANGES));
        }
        allocated = thread.getCurrentThreadAllocatedBytes() - before;
      }
      System.out.println(allocated);
    }
  }

  /** Does what pin() and unpin() do, except for the system calls. */
  private static void pinAndUnpin(String name, PinResult result) {
    Events.PinEvent pin = Events.pin(name, 4096, 8192);
    Counters.pinned(result);
    Events.pinned(pin, name, 4096, 8192, result);
    Events.UnpinEvent unpin = Events.unpin(name, 4096, 8192);
    Events.unpinned(unpin);
  }

  @Test
  void mappingsAndClosesAreRecorded(@TempDir Path directory) throws Exception {
    Path file = Files.write(directory.resolve("file"), new byte[SIZE]);
    List<RecordedEvent> events =
        Recorded.all(
            "recorded",
            () -> {
              AshmemRegion region = new AshmemRegion(OpenFile.open(file), "recorded", SIZE);
              Mapping mapping = region.map(MapMode.READ_ONLY, 1, 100);
              region.close();
              region.close();
              mapping.close();
              mapping.close();
            });

    assertEquals(
        List.of(
            "org.ashmem.Map mode=READ_ONLY offset=1 length=100",
            "org.ashmem.Close kind=REGION offset=0 length=" + SIZE,
            "org.ashmem.Close kind=MAPPING offset=1 length=100"),
        events.stream().map(Recorded::line).toList());
    for (RecordedEvent each : events) {
      assertNotNull(each.getStackTrace());
    }
    assertBeginIsRecorded();
  }

  /** Records a leak between the begin and the end of all other events: they start before it. */
  private static void assertBeginIsRecorded() throws Exception {
    List<RecordedEvent> events =
        Recorded.all(
            "begun",
            () -> {
              Lifetime lifetime = Lifetime.ofRegion("begun", SIZE);
              Events.MapEvent map = Events.map("begun", MapMode.READ_ONLY, 0, SIZE);
              Events.PinEvent pin = Events.pin("begun", 0, SIZE);
              Events.UnpinEvent unpin = Events.unpin("begun", 0, SIZE);
              Events.CloseEvent close = Events.close(lifetime);
              Events.leaked(lifetime);
              Events.mapped(map);
              Events.pinned(pin, "begun", 0, SIZE, PinResult.NOT_PURGED);
              Events.unpinned(unpin);
              Events.closed(close);
            });
    assertEquals(
        List.of(
            "org.ashmem.Leak",
            "org.ashmem.Map",
            "org.ashmem.Pin",
            "org.ashmem.Unpin",
            "org.ashmem.Close"),
        events.stream().map(each -> each.getEventType().getName()).toList());
    for (RecordedEvent each : events) {
      assertFalse(each.getStartTime().isAfter(events.get(0).getStartTime()), each.toString());
    }
  }

  @Test
  void refusedCallsAreNotRecorded() throws Exception {
    List<RecordedEvent> events =
        Recorded.all(
            "refused",
            () -> {
              try (AshmemRegion region =
                  new AshmemRegion(OpenFile.open(Path.of("/dev/null")), "refused", SIZE)) {
                assertThrows(AshmemException.class, region::pin);
                assertThrows(AshmemException.class, region::unpin);
                assertThrows(AshmemException.class, () -> region.map(MapMode.READ_ONLY, 0, 1));
              }
            });
    assertEquals(
        List.of("org.ashmem.Close kind=REGION offset=0 length=" + SIZE),
        events.stream().map(Recorded::line).toList());
  }

  @Test
  void pinsAndPurgesAreRecorded() throws Exception {
    List<RecordedEvent> events =
        Recorded.all(
            "pins",
            () -> {
              pinAndUnpin("pins", PinResult.NOT_PURGED);
              pinAndUnpin("pins", PinResult.WAS_PURGED);
            });
    assertEquals(
        List.of(
            "org.ashmem.Pin offset=4096 length=8192 purged=false",
            "org.ashmem.Unpin offset=4096 length=8192",
            "org.ashmem.Pin offset=4096 length=8192 purged=true",
            "org.ashmem.PurgeFound offset=4096 length=8192",
            "org.ashmem.Unpin offset=4096 length=8192"),
        events.stream().map(Recorded::line).toList());
  }

  @Test
  void byDefaultOfPinsOnlyTheSlowAreRecorded() throws Exception {
    List<RecordedEvent> events =
        Recorded.byDefault(
            "default",
            () -> {
              Events.PinEvent slow = Events.pin("default", 0, 1);
              Thread.sleep(5);
              Events.pinned(slow, "default", 0, 1, PinResult.WAS_PURGED);
            });
    assertEquals(
        List.of(
            "org.ashmem.Pin offset=0 length=1 purged=true",
            "org.ashmem.PurgeFound offset=0 length=1"),
        events.stream().map(Recorded::line).toList());
    assertEquals("1 ms", defaultThreshold(Events.PinEvent.class));
    assertEquals("1 ms", defaultThreshold(Events.UnpinEvent.class));
  }

  private static String defaultThreshold(Class<? extends Event> type) {
    FlightRecorder.register(type);
    return EventType.getEventType(type).getSettingDescriptors().stream()
        .filter(each -> each.getName().equals("threshold"))
        .map(SettingDescriptor::getDefaultValue)
        .findFirst()
        .orElseThrow();
  }

  @Test
  void leakIsRecorded() throws Exception {
    List<RecordedEvent> events =
        Recorded.all("leak", () -> Events.leaked(Lifetime.ofMapping("leak", 5, 6)));
    assertEquals(
        List.of("org.ashmem.Leak kind=MAPPING offset=5 length=6 creation=null"),
        events.stream().map(Recorded::line).toList());
  }

  @Test
  void eventsAreDescribed() {
    pinAndUnpin("described", PinResult.NOT_PURGED);
    for (Class<? extends Event> each :
        List.of(
            Events.MapEvent.class,
            Events.PinEvent.class,
            Events.UnpinEvent.class,
            Events.PurgeFoundEvent.class,
            Events.CloseEvent.class,
            Events.LeakEvent.class)) {
      FlightRecorder.register(each);
      EventType type = EventType.getEventType(each);
      assertEquals(List.of("ashmem"), List.of(type.getAnnotation(Category.class).value()));
      assertNotNull(type.getDescription());
      assertNotNull(type.getField("offset").getAnnotation(DataAmount.class));
      assertNotNull(type.getField("length").getAnnotation(DataAmount.class));
    }
  }

  /** Uses a JVM with C1 only, whose compiler does not remove the allocation of an unused event. */
  @Test
  void nothingIsAllocatedWhenNobodyRecords() throws Exception {
    ChildJvm.Result result = ChildJvm.run(ChildJvm.command(List.of(), Quiet.class));
    assertEquals(0, result.status(), result.output());
    long allocated = Long.parseLong(result.output().trim());
    assertTrue(allocated < CALLS / 100, CALLS + " calls allocated " + allocated + " bytes");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void runtimeMayLackTheModule(boolean present, @TempDir Path directory) throws Exception {
    Path file = Files.write(directory.resolve("file"), new byte[SIZE]);
    List<String> options = present ? List.of() : List.of("--limit-modules", "java.base");

    ChildJvm.Result result =
        ChildJvm.run(ChildJvm.command(options, Program.class, file.toString()));

    assertEquals(0, result.status(), result.output());
    assertEquals(said("null", present), withoutReport(result.output()));
  }

  /** On the module path, the module jdk.jfr is present only if an option resolves it. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void namedModuleMayLackTheModule(boolean present, @TempDir Path directory) throws Exception {
    Path file = Files.write(directory.resolve("file"), new byte[SIZE]);
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "--enable-native-access=org.ashmem",
            "--module-path",
            place(Shim.class) + ":" + place(Validate.class)));
    command.addAll(List.of("--patch-module", "org.ashmem=" + place(EventsTest.class)));
    if (present) {
      command.addAll(List.of("--add-modules", "jdk.jfr"));
    } else {
      command.addAll(List.of("--limit-modules", "java.base,org.ashmem"));
    }
    command.addAll(List.of("--module", "org.ashmem/" + Program.class.getName(), file.toString()));

    ChildJvm.Result result = ChildJvm.run(command);

    assertEquals(0, result.status(), result.output());
    assertEquals(said("org.ashmem", present), withoutReport(result.output()));
  }

  private static String said(String module, boolean present) {
    return "ASHMEM_PIN ENOTTY\nASHMEM_UNPIN ENOTTY\nleaks 1, module "
        + module
        + ", jdk.jfr "
        + present
        + "\n";
  }

  /** Removes the report of the leak, because its format depends on the logger. */
  private static String withoutReport(String output) {
    assertTrue(output.contains("was never closed"), output);
    return output
        .lines()
        .filter(line -> line.startsWith("ASHMEM") || line.startsWith("leaks"))
        .map(line -> line + "\n")
        .collect(Collectors.joining());
  }

  private static String place(Class<?> type) throws Exception {
    return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI()).toString();
  }
}
