// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The operations that a user other than root may do, and those that the kernel refuses. */
@Tag("device")
class PrivilegeIT {
  private static final Path DEVICE = Path.of(AshmemRegion.DEVICE);

  /** For each byte of its input, creates a region, requests a purge, and prints the results. */
  static final class Program {
    private Program() {}

    public static void main(String[] args) throws IOException {
      while (System.in.read() != -1) {
        say(() -> AshmemRegion.create("mine", 1).name());
        say(AshmemRegion::purgeAllCaches);
      }
    }

    private static void say(Supplier<Object> call) {
      try {
        System.out.println(call.get());
      } catch (AshmemException e) {
        System.out.println(e.getClass().getSimpleName() + " " + e.getMessage());
      }
    }
  }

  @Test
  void refusalSaysWhatIsMissing() throws Exception {
    Set<PosixFilePermission> before = Files.getPosixFilePermissions(DEVICE);
    List<String> command =
        new ArrayList<>(List.of("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"));
    command.addAll(ChildJvm.command(List.of(), Program.class));
    Process child = ChildJvm.start(command);
    try (BufferedReader out = child.inputReader(UTF_8);
        var in = child.getOutputStream()) {
      Files.setPosixFilePermissions(DEVICE, PosixFilePermissions.fromString("rw-rw-rw-"));
      in.write('\n');
      in.flush();
      assertEquals("mine", out.readLine());
      String refusedPurge = out.readLine();
      assertTrue(
          refusedPurge.startsWith(
              "PermissionDenied ASHMEM_PURGE_ALL_CACHES on '/dev/ashmem': EPERM"),
          refusedPurge);
      assertTrue(refusedPurge.contains("CAP_SYS_ADMIN"), refusedPurge);

      Files.setPosixFilePermissions(DEVICE, PosixFilePermissions.fromString("rw-------"));
      in.write('\n');
      in.flush();
      for (int call = 0; call < 2; call++) {
        String refusedOpen = out.readLine();
        assertTrue(
            refusedOpen.startsWith("PermissionDenied open on '/dev/ashmem': EACCES"), refusedOpen);
        assertTrue(refusedOpen.contains("0666"), refusedOpen);
      }
    } finally {
      Files.setPosixFilePermissions(DEVICE, before);
      child.destroyForcibly();
    }
  }
}
