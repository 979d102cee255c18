// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Cgroups in folders of the test, as the kernel tells of them in several kinds of containers. */
class CgroupsTest {
  @TempDir Path directory;

  /** Where the hierarchies are mounted. */
  private Path version1;

  private Path version2;

  @BeforeEach
  void createMounts() throws IOException {
    version1 = Files.createDirectory(directory.resolve("memory"));
    version2 = Files.createDirectory(directory.resolve("unified"));
    Files.createDirectory(directory.resolve("self"));
  }

  @Test
  void eachCgroupThatContainsTheProcessHasALimit() throws Exception {
    version2("", "a", "a/b", "a/b/c");
    Files.delete(version2.resolve("memory.max"));
    Cgroups cgroups = cgroups("0::/a/b\n", unified("/"));
    assertEquals(List.of(version2.resolve("a/b"), version2.resolve("a")), limits(cgroups));
    assertEquals(List.of(version2.resolve("a/b/memory.pressure")), cgroups.pressureFiles());
  }

  @Test
  void rootOfAContainerHasALimit() throws Exception {
    version2("");
    Cgroups cgroups = cgroups("0::/\n", unified("/"));
    assertEquals(List.of(version2), limits(cgroups));
    assertEquals(List.of(version2.resolve("memory.pressure")), cgroups.pressureFiles());
  }

  @Test
  void rootOfTheMachineIsNoCgroupOfItsOwn() throws Exception {
    Files.createFile(version2.resolve("memory.pressure"));
    Cgroups cgroups = cgroups("0::/\n", unified("/"));
    assertEquals(List.of(), limits(cgroups));
    assertEquals(List.of(), cgroups.pressureFiles());
  }

  @Test
  void versionsAreMixed() throws Exception {
    version1("a");
    Files.createFile(Files.createDirectory(version2.resolve("b")).resolve("cgroup.events"));
    Cgroups cgroups = cgroups("4:cpu,memory:/a\n3:cpuset:/x\n0::/b\n", memory("/") + unified("/"));
    assertEquals(List.of(version1.resolve("a")), limits(cgroups));
    assertEquals(List.of(version2.resolve("b/memory.pressure")), cgroups.pressureFiles());
  }

  /** The container's own cgroup is mounted, but the process has its name of the machine. */
  @Test
  void mountMayBeginBelowTheRoot() throws Exception {
    version1("", "inner");
    String membership = "4:memory:/docker/1/inner\n";
    assertEquals(
        List.of(version1.resolve("inner"), version1),
        limits(cgroups(membership, memory("/docker/1"))));
    assertEquals(List.of(version1), limits(cgroups(membership, memory("/docker/2"))));
    assertEquals(List.of(version1), limits(cgroups(membership, memory("/../.."))));
  }

  /** A path that leaves the mount is of a process outside the container. */
  @Test
  void nothingOutsideTheMountIsRead() throws Exception {
    version2("a");
    assertEquals(List.of(), limits(cgroups("0::/../memory\n", unified("/"))));
  }

  @Test
  void namesMayHaveSpaces() throws Exception {
    version2 = Files.createDirectory(directory.resolve("uni fied"));
    version2("a b");
    assertEquals(List.of(version2.resolve("a b")), limits(cgroups("0::/a b\n", unified("/"))));
  }

  @Test
  void otherMountsMayHaveAnyName() throws Exception {
    version2("");
    Cgroups unused = cgroups("0::/\n", unified("/"));
    Path mounts = directory.resolve("self/mountinfo");
    Files.write(mounts, new byte[] {'m', (byte) 0xff, '\n'}, StandardOpenOption.APPEND);
    assertEquals(List.of(version2), limits(Cgroups.of(directory)));
  }

  @Test
  void theyMayBeMissing() throws Exception {
    for (String mounts : new String[] {"", "1 2 0:3 / / rw - tmpfs tmpfs rw\n", "nonsense\n"}) {
      Cgroups cgroups = cgroups("4:memory:/a\n0::/a\n", mounts);
      assertTrue(cgroups.isEmpty());
      assertEquals(List.of(), limits(cgroups));
      assertEquals(List.of(), cgroups.pressureFiles());
    }
    assertTrue(Cgroups.of(directory.resolve("missing")).isEmpty());
  }

  private Cgroups cgroups(String membership, String mounts) throws IOException {
    Files.writeString(directory.resolve("self/cgroup"), membership);
    Files.writeString(directory.resolve("self/mountinfo"), mounts);
    return Cgroups.of(directory);
  }

  private String unified(String root) {
    return "41 31 0:38 " + root + " " + escaped(version2) + " rw shared:1 - cgroup2 cgroup2 rw\n";
  }

  private String memory(String root) {
    return "34 31 0:31 "
        + root
        + " /x/cpuset rw shared:2 master:1 - cgroup cgroup rw,cpuset\n"
        + ("35 31 0:32 " + root + " " + escaped(version1) + " ro - cgroup cgroup rw,cpu,memory\n");
  }

  private static String escaped(Path path) {
    return path.toString().replace(" ", "\\040");
  }

  private void version2(String... names) throws IOException {
    for (String each : names) {
      Path folder = Files.createDirectories(version2.resolve(each));
      Files.writeString(folder.resolve("cgroup.events"), "populated 1\n");
      Files.writeString(folder.resolve("memory.max"), "max\n");
      Files.writeString(folder.resolve("memory.high"), "max\n");
      Files.writeString(folder.resolve("memory.current"), "0\n");
      Files.writeString(folder.resolve("memory.stat"), "");
    }
  }

  private void version1(String... names) throws IOException {
    for (String each : names) {
      Path folder = Files.createDirectories(version1.resolve(each));
      Files.writeString(folder.resolve("memory.limit_in_bytes"), "9223372036854771712\n");
      Files.writeString(folder.resolve("memory.usage_in_bytes"), "0\n");
      Files.writeString(folder.resolve("memory.stat"), "");
    }
  }

  private static List<Path> limits(Cgroups cgroups) {
    return cgroups.limits().stream()
        .peek(MemoryLimit::close)
        .map(each -> Path.of(each.toString()))
        .toList();
  }
}
