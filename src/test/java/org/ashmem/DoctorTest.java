// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@code java -jar} prints, and what it finds in machines that are folders of this test. */
@ExtendWith({OnMemfd.class, WatchedByDefault.class})
class DoctorTest {
  @TempDir Path root;

  private record Said(int status, String output) {}

  private static Said run(String... arguments) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    int status = Main.run(arguments, new PrintStream(bytes, true, UTF_8));
    return new Said(status, bytes.toString(UTF_8));
  }

  private void write(String file, String content) throws Exception {
    Path path = root.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, content);
  }

  private Finding finding(String name) {
    return new Doctor(root)
        .examine().stream().filter(each -> each.name().equals(name)).findFirst().orElseThrow();
  }

  @Test
  void machineOfThisTestIsUsable() {
    Said said = run();
    assertEquals(Main.USABLE, said.status(), said.output());
    for (String name :
        List.of(
            "machine",
            "java",
            "jar",
            "commons-lang3",
            "native library",
            "device",
            "memfd",
            "backend",
            "lazy memory",
            "memory limit",
            "pressure",
            "demonstration")) {
      assertTrue(
          said.output().lines().anyMatch(line -> line.matches("(ok|lacks) +" + name + "  +.*")),
          name + "\n" + said.output());
    }
    assertTrue(said.output().contains("1048576 of 1048576 bytes are in memory"), said.output());
    assertTrue(said.output().contains("pinned it again: WAS_PURGED"), said.output());
    assertTrue(said.output().contains("0 of 1048576 bytes are in memory"), said.output());
    assertTrue(said.output().endsWith("Regions work here.\n"), said.output());
  }

  @Test
  void jsonHasTheSame() {
    Said said = run("--json");
    assertEquals(Main.USABLE, said.status());
    assertTrue(
        said.output().startsWith("{\n  \"usable\": true,\n  \"machine\": {\"state\": \"ok\""));
    assertTrue(
        said.output().contains("\"demonstration\": {\"state\": \"ok\", \"fact\": \"created"));
    assertTrue(said.output().endsWith("\"advice\": \"\"}\n}\n"), said.output());
  }

  @Test
  void textInJsonIsEscaped() {
    assertEquals("\"a \\\"b\\\" \\\\ \\n \\u0009\\u00e9\"", Report.quoted("a \"b\" \\ \n \té"));
  }

  @Test
  void helpTellsTheOptionsAndTheStatus() {
    Said said = run("--help");
    assertEquals(Main.USABLE, said.status());
    for (String text : List.of("usage: java -jar", "--json", "--purge", "Exit status: 0")) {
      assertTrue(said.output().contains(text), said.output());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"--jsno", "device", ""})
  void wrongArgumentIsRefused(String argument) {
    Said said = run("--json", argument);
    assertEquals(Main.USAGE, said.status());
    assertTrue(said.output().startsWith("unknown: " + argument + "\n\nusage:"), said.output());
  }

  @Test
  void wrongPropertyIsNotUsable() {
    System.setProperty(Backend.PROPERTY, "floppy");
    try {
      Said said = run();
      assertEquals(Main.UNUSABLE, said.status(), said.output());
      assertTrue(said.output().contains("BROKEN backend"), said.output());
      assertTrue(said.output().contains("is 'floppy', not auto, device or memfd"), said.output());
      assertTrue(said.output().endsWith("No region can be created here.\n"), said.output());
    } finally {
      System.setProperty(Backend.PROPERTY, "memfd");
    }
  }

  @Test
  void emptyMachineLacksAlmostAll() {
    assertEquals(Finding.State.LACK, finding("memory limit").state());
    assertEquals("no cgroup is visible", finding("memory limit").fact());
    assertEquals("the kernel does not report it", finding("pressure").fact());
  }

  /** The cgroup of the process, and the one that contains it. */
  @ParameterizedTest
  @CsvSource({
    "max, max, none",
    "max, 4096, '4096 bytes, 3096 bytes are left (MOUNT/middle/own)'",
    "8192, max, '8192 bytes, 5192 bytes are left (MOUNT/middle)'",
    "12288, 16384, '12288 bytes, 9288 bytes are left (MOUNT/middle)'"
  })
  void lowestLimitIsTold(String middle, String own, String fact) throws Exception {
    write("proc/self/cgroup", "0::/middle/own\n");
    mountCgroups();
    limit("sys/fs/cgroup/middle", middle, 3000);
    limit("sys/fs/cgroup/middle/own", own, 1000);
    String mount = root.resolve("sys/fs/cgroup").toString();
    assertEquals(Finding.ok("memory limit", fact.replace("MOUNT", mount)), finding("memory limit"));
  }

  private void limit(String folder, String limit, long usage) throws Exception {
    write(folder + "/memory.max", limit + "\n");
    write(folder + "/memory.high", "max\n");
    write(folder + "/memory.current", usage + "\n");
    write(folder + "/memory.stat", "");
  }

  private void mountCgroups() throws Exception {
    String mount = root.resolve("sys/fs/cgroup").toString();
    write("proc/self/mountinfo", "25 21 0:23 / " + mount + " rw - cgroup2 cgroup2 rw\n");
  }

  @Test
  void purgesOnRequestOnlyAreALack() throws Exception {
    write("proc/pressure/memory", "some avg10=0.00\n");
    assertEquals(Finding.State.OK, finding("pressure").state());
    System.setProperty(PressureWatch.PROPERTY, "false");
    assertEquals(Finding.State.LACK, finding("pressure").state());
  }

  @Test
  void pressureOfTheGroupComesFirst() throws Exception {
    write("proc/self/cgroup", "0::/own\n");
    mountCgroups();
    write("sys/fs/cgroup/own/cgroup.events", "populated 1\n");
    write("proc/pressure/memory", "some avg10=1.00\nfull avg10=0.00\n");
    assertTrue(finding("pressure").fact().endsWith("proc/pressure/memory reports some avg10=1.00"));
    write("sys/fs/cgroup/own/memory.pressure", "some avg10=2.00\nfull avg10=0.00\n");
    assertTrue(finding("pressure").fact().endsWith("memory.pressure reports some avg10=2.00"));
  }
}
