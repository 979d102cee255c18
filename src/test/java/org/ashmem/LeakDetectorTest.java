// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.MessageFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.ResourceBundle;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LeakDetectorTest {
  private static final int SIZE = 2 * (int) AshmemRegion.pageSize();

  /** A logger that keeps its messages. */
  private static final class Log implements System.Logger {
    record Entry(Level level, String message, Throwable thrown) {}

    final List<Entry> entries = new ArrayList<>();

    @Override
    public String getName() {
      return "log";
    }

    @Override
    public boolean isLoggable(Level level) {
      return true;
    }

    @Override
    public void log(Level level, ResourceBundle bundle, String message, Throwable thrown) {
      entries.add(new Entry(level, message, thrown));
    }

    @Override
    public void log(Level level, ResourceBundle bundle, String format, Object... parameters) {
      String message = MessageFormat.format(format, parameters);
      entries.add(new Entry(level, message, null));
    }
  }

  /**
   * Depending on its arguments, forgets or closes regions or mappings of a file. Prints the number
   * of leaks.
   */
  static final class Program {
    private static final int COUNT = 5;

    private Program() {}

    public static void main(String[] args) throws Exception {
      Path file = Path.of(args[0]);
      int leaks =
          switch (args[1]) {
            case "regions" -> forgetRegions(file);
            case "mappings" -> forgetMappings(file);
            case "views" -> forgetMappingsOfViews(file);
            case "nothing" -> forgetNothing(file);
            default -> throw new IllegalArgumentException(args[1]);
          };
      if (leaks == 0) {
        Await.cleaner();
      } else {
        Await.collection(() -> Counters.leaks() >= leaks);
      }
      System.out.println("leaks " + Counters.leaks());
    }

    private static int forgetRegions(Path file) {
      for (int i = 0; i < COUNT; i++) {
        assertTrue(region(file).isOpen());
      }
      return COUNT;
    }

    private static int forgetMappings(Path file) {
      try (AshmemRegion region = region(file)) {
        for (int i = 0; i < COUNT; i++) {
          assertTrue(region.map(MapMode.READ_ONLY, 1, 100).isOpen());
        }
      }
      return COUNT;
    }

    /** An unreachable mapping is not a leak while a buffer of it is reachable. */
    private static int forgetMappingsOfViews(Path file) throws Exception {
      try (AshmemRegion region = region(file)) {
        ByteBuffer view = region.map(MapMode.READ_ONLY, 1, 100).buffer();
        Await.cleaner();
        assertEquals(0, Counters.leaks());
        assertEquals(0, view.get(0));
      }
      return 1;
    }

    private static int forgetNothing(Path file) {
      for (int i = 0; i < 1000; i++) {
        AshmemRegion region = region(file);
        Mapping mapping = region.map(MapMode.READ_ONLY, 0, SIZE);
        if (i % 2 == 0) {
          region.close();
          mapping.close();
        } else {
          mapping.close();
          region.close();
        }
        mapping.close();
        region.close();
      }
      return 0;
    }

    private static AshmemRegion region(Path file) {
      return new AshmemRegion(OpenFile.open(file), "forgotten", SIZE);
    }
  }

  private final Log log = new Log();

  private LeakDetector detector(String value) {
    Properties properties = new Properties();
    if (value != null) {
      properties.setProperty("org.ashmem.leaks", value);
    }
    return LeakDetector.of(properties, () -> log);
  }

  @ParameterizedTest
  @CsvSource({"off, OFF", "simple, SIMPLE", "paranoid, PARANOID", ", SIMPLE"})
  void propertyIsTheLevel(String value, LeakDetector.Level level) {
    assertEquals(level, detector(value).level());
    assertEquals(List.of(), log.entries);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "on", "true", "Paranoid", "simple ", "{0} 'quoted'"})
  void otherValueIsToldOfAndTakenForTheDefault(String value) {
    assertEquals(LeakDetector.Level.SIMPLE, detector(value).level());

    assertEquals(
        List.of(
            new Log.Entry(
                System.Logger.Level.WARNING,
                "the property org.ashmem.leaks is one of off, simple and paranoid, not '"
                    + value
                    + "': it is taken for simple",
                null)),
        log.entries);
  }

  @Test
  void simpleTellsOfEachNameOnce() {
    LeakDetector detector = detector("simple");
    assertNull(detector.creation());
    for (int i = 0; i < 3; i++) {
      detector.report(Lifetime.ofRegion("one", 10));
      detector.report(Lifetime.ofMapping("one", 20, 30));
      detector.report(Lifetime.ofRegion("two {0}", 40));
    }

    List<String> messages = log.entries.stream().map(Log.Entry::message).toList();
    String rest =
        " was never closed: the collector found it, and it is freed; -Dorg.ashmem.leaks=paranoid"
            + " records where it was created";
    assertEquals(
        List.of(
            "region 'one' of 10 bytes" + rest,
            "mapping of region 'one' from 20, 30 bytes" + rest,
            "region 'two {0}' of 40 bytes" + rest),
        messages);
    assertTrue(log.entries.stream().allMatch(each -> each.thrown() == null));
  }

  @Test
  void offTellsNothing() {
    LeakDetector detector = detector("off");
    assertNull(detector.creation());
    detector.report(Lifetime.ofRegion("one", 10));
    assertEquals(List.of(), log.entries);
  }

  @Test
  void paranoidRecordsTheCaller() {
    Throwable creation = detector("paranoid").creation();
    assertNotNull(creation);
    assertTrue(
        creation.toString().contains("thread '" + Thread.currentThread().getName() + "'"),
        creation.toString());
    assertTrue(
        List.of(creation.getStackTrace()).stream()
            .anyMatch(each -> each.getMethodName().equals("paranoidRecordsTheCaller")));
  }

  @Test
  void programThatNamesEachRegionDifferentlyIsToldSoManyTimes() {
    LeakDetector detector = detector("simple");
    for (int i = 0; i < LeakDetector.MAX_PLACES + 10; i++) {
      detector.report(Lifetime.ofRegion("name " + i, 10));
    }
    assertEquals(LeakDetector.MAX_PLACES, log.entries.size());
    String end = "this was the last of 1000 that are told of";
    assertFalse(log.entries.get(LeakDetector.MAX_PLACES - 2).message().contains(end));
    assertTrue(log.entries.get(LeakDetector.MAX_PLACES - 1).message().endsWith(end));
  }

  @ParameterizedTest
  @CsvSource({
    "paranoid, regions, region 'forgotten' of " + "%d bytes, forgetRegions",
    "paranoid, mappings, 'mapping of region ''forgotten'' from 1, 100 bytes', forgetMappings",
  })
  void paranoidTellsOnceWhereFiveWereCreated(
      String level, String what, String name, String method, @TempDir Path directory)
      throws Exception {
    String output = run(level, what, 5, directory);
    assertEquals(1, count(output, Pattern.quote(name.formatted(SIZE) + " was never closed")));
    assertEquals(1, count(output, "was never closed"));
    assertEquals(1, count(output, "LeakDetectorTest\\$Program\\." + method), output);
    assertTrue(output.contains("created by thread 'main'"), output);
    assertFalse(output.contains("-Dorg.ashmem.leaks=paranoid"), output);
  }

  @ParameterizedTest
  @CsvSource({
    ", regions, 5",
    ", mappings, 5",
    "simple, views, 1",
    "mistaken, regions, 5",
  })
  void simpleTellsOfForgotten(String level, String what, int leaks, @TempDir Path directory)
      throws Exception {
    String output = run(level, what, leaks, directory);
    assertEquals(1, count(output, "was never closed"), output);
    assertTrue(output.contains("-Dorg.ashmem.leaks=paranoid records where"), output);
    assertFalse(output.contains("LeakDetectorTest"), output);
    assertEquals("mistaken".equals(level) ? 1 : 0, count(output, "not 'mistaken'"), output);
  }

  @Test
  void offCountsOnly(@TempDir Path directory) throws Exception {
    assertEquals("leaks 5\n", run("off", "regions", 5, directory));
  }

  @ParameterizedTest
  @ValueSource(strings = {"simple", "paranoid"})
  void closedIsNeverToldOf(String level, @TempDir Path directory) throws Exception {
    assertEquals("leaks 0\n", run(level, "nothing", 0, directory));
  }

  private static String run(String level, String what, int leaks, Path directory) throws Exception {
    Path file = Files.write(directory.resolve("file"), new byte[SIZE]);
    List<String> options = level == null ? List.of() : List.of("-Dorg.ashmem.leaks=" + level);
    ChildJvm.Result result =
        ChildJvm.run(ChildJvm.command(options, Program.class, file.toString(), what));
    assertEquals(0, result.status(), result.output());
    assertTrue(result.output().contains("leaks " + leaks + "\n"), result.output());
    return result.output();
  }

  private static int count(String text, String regex) {
    return (int) Pattern.compile(regex).matcher(text).results().count();
  }
}
