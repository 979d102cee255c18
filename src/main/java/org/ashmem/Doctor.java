// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;

/**
 * Looks at what this machine and container offer. Until it knows that Commons Lang is there, it
 * uses no class that needs it.
 */
final class Doctor {
  private static final String BACKEND = "backend";

  private final Path root;

  /** Files of the kernel are looked for below the root, which is "/" except in tests. */
  Doctor(Path root) {
    this.root = root;
  }

  List<Finding> examine() {
    List<Finding> findings = new ArrayList<>(List.of(machine(), java(), jar(), commonsLang()));
    boolean onDevice = false;
    if (hasCommonsLang()) {
      findings.add(library());
      if (Shim.failure() == null) {
        onDevice = isOnDevice();
        findings.addAll(List.of(device(), memfd(), backend(onDevice), lazyMemory()));
      }
    }
    findings.add(limit());
    findings.add(pressure(onDevice));
    return findings;
  }

  static boolean hasCommonsLang() {
    try {
      Class.forName("org.apache.commons.lang3.Validate", false, Doctor.class.getClassLoader());
      return true;
    } catch (ClassNotFoundException e) {
      return false;
    }
  }

  /** Returns the versions of this library and of Commons Lang that the build wrote to the jar. */
  static Properties versions() {
    Properties versions = new Properties();
    try (InputStream in = Doctor.class.getResourceAsStream("version.properties")) {
      if (in != null) {
        versions.load(in);
      }
    } catch (IOException e) {
      // The versions are unknown.
    }
    return versions;
  }

  private Finding machine() {
    String os = System.getProperty("os.name");
    String fact =
        String.format(
            "%s %s on %s, processors: %s%s",
            os,
            System.getProperty("os.version"),
            System.getProperty("os.arch"),
            Runtime.getRuntime().availableProcessors(),
            memory());
    return "Linux".equals(os)
        ? Finding.ok("machine", fact)
        : Finding.broken("machine", fact, "ashmem needs Linux");
  }

  private String memory() {
    try {
      for (String line : Files.readAllLines(root.resolve("proc/meminfo"))) {
        if (line.startsWith("MemAvailable:")) {
          long kib = Long.parseLong(line.replaceAll("[^0-9]", ""));
          return ", " + (kib << 10) + " bytes available";
        }
      }
    } catch (IOException | NumberFormatException e) {
      // The line is optional.
    }
    return "";
  }

  private static Finding java() {
    int release = Runtime.version().feature();
    String fact = Runtime.version() + ", " + System.getProperty("java.vendor");
    if (release < Memory.ARENAS) {
      return Finding.lack(
          "java",
          fact,
          "Java 22 or newer has memory segments, mappings of more than 2147483647 bytes, and"
              + " buffers that throw after a close");
    }
    return new Finding(
        "java",
        Finding.State.OK,
        fact,
        release < 24 ? "" : "start programs with --enable-native-access=ALL-UNNAMED");
  }

  private static Finding jar() {
    String fact = "ashmem " + versions().getProperty("version", "of unknown version");
    URL own = Memory.class.getResource("Memory.class");
    if (own == null || !own.getProtocol().equals("jar")) {
      return Finding.ok("jar", fact + ", classes in a folder");
    }
    Optional<String> warning = Memory.warning(Runtime.version().feature(), Memory.HAS_ARENAS);
    return warning
        .map(text -> Finding.lack("jar", fact, text))
        .orElse(Finding.ok("jar", fact + ", with the classes for this Java"));
  }

  private static Finding commonsLang() {
    String version = versions().getProperty("commons-lang3", "of unknown version");
    return hasCommonsLang()
        ? Finding.ok("commons-lang3", "found")
        : Finding.broken(
            "commons-lang3",
            "missing; the native library and the backends were not tried",
            "a build tool adds it by itself: org.apache.commons:commons-lang3:"
                + version
                + "\notherwise put commons-lang3-"
                + version
                + ".jar beside this jar and on the class path");
  }

  private static Finding library() {
    UnsatisfiedLinkError failure = Shim.failure();
    return failure == null
        ? Finding.ok("native library", "loaded")
        : Finding.broken("native library", String.valueOf(failure.getMessage()), "");
  }

  private static boolean isOnDevice() {
    try {
      return Backend.configured() != Backend.MEMFD && Ashmem.isAvailable(Backend.DEVICE);
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static Finding device() {
    return Ashmem.unavailabilityCause(Backend.DEVICE)
        .map(
            cause ->
                Finding.lack(
                    "device",
                    String.valueOf(cause.getMessage()),
                    "without it the kernel purges nothing: regions are on memfd, and each process"
                        + " purges only its own"))
        .orElse(Finding.ok("device", AshmemRegion.DEVICE + " works"));
  }

  private static Finding memfd() {
    return Ashmem.unavailabilityCause(Backend.MEMFD)
        .map(cause -> Finding.lack("memfd", String.valueOf(cause.getMessage()), ""))
        .orElse(Finding.ok("memfd", "works"));
  }

  private static Finding backend(boolean onDevice) {
    return Ashmem.unavailabilityCause()
        .map(
            cause ->
                Finding.broken(
                    BACKEND,
                    String.valueOf(cause.getMessage()),
                    "-D" + Backend.PROPERTY + "=memfd does without the device"))
        .orElse(
            Finding.ok(BACKEND, onDevice ? "regions are on the device" : "regions are on memfd"));
  }

  /** It needs neither the device nor memfd. */
  private static Finding lazyMemory() {
    return LazyMemory.unavailabilityCause()
        .map(cause -> Finding.lack("lazy memory", String.valueOf(cause.getMessage()), ""))
        .orElse(Finding.ok("lazy memory", "works: the kernel takes unpinned pages of LazyMemory"));
  }

  private Finding limit() {
    Cgroups cgroups = Cgroups.of(root.resolve("proc"));
    if (cgroups.isEmpty()) {
      return Finding.lack(
          "memory limit", "no cgroup is visible", "mount /sys/fs/cgroup in the container");
    }
    String fact = "none";
    long least = Long.MAX_VALUE;
    for (MemoryLimit each : cgroups.limits()) {
      try (each) {
        long room = each.room().room();
        if (each.bytes() < MemoryLimit.NONE && room < least) {
          least = room;
          fact = each.bytes() + " bytes, " + room + " bytes are left (" + each + ")";
        }
      }
    }
    return Finding.ok("memory limit", fact);
  }

  /** On the device the kernel purges by itself. On memfd the report helps the process. */
  private Finding pressure(boolean onDevice) {
    List<Path> files = new ArrayList<>(Cgroups.of(root.resolve("proc")).pressureFiles());
    files.add(root.resolve("proc/pressure/memory"));
    boolean isThere = false;
    for (Path file : files) {
      try {
        String first = Files.readAllLines(file).get(0);
        isThere = true;
        if (onDevice || Files.isWritable(file)) {
          return reported(onDevice, file + " reports " + first);
        }
      } catch (IOException | IndexOutOfBoundsException e) {
        // Try the next file.
      }
    }
    if (onDevice) {
      return Finding.ok(
          "pressure", "the kernel does not report it, and purges on the device without it");
    }
    return isThere
        ? Finding.lack(
            "pressure",
            "the kernel reports it, but not to this process",
            "let the container write to /sys/fs/cgroup/memory.pressure or /proc/pressure/memory")
        : Finding.lack(
            "pressure",
            "the kernel does not report it",
            "boot a kernel with CONFIG_PSI and the option psi=1");
  }

  private static Finding reported(boolean onDevice, String fact) {
    return onDevice || PressureWatch.isWanted()
        ? Finding.ok("pressure", fact)
        : Finding.lack(
            "pressure",
            fact,
            "without -D" + PressureWatch.PROPERTY + "=false memory gives way under pressure, too");
  }
}
