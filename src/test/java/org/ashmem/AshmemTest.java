// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

@ExtendWith(OnMemfd.class)
class AshmemTest {
  /** A library that forbids memfd_create when it is loaded, as the sandbox of a container does. */
  private static final String SANDBOX =
      """
      #include <linux/filter.h>
      #include <linux/seccomp.h>
      #include <stddef.h>
      #include <stdlib.h>
      #include <sys/prctl.h>
      #include <sys/syscall.h>

      __attribute__((constructor)) static void forbid(void)
      {
        struct sock_filter filter[] = {
          BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_memfd_create, 0, 1),
          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | atoi(getenv("FORBIDDEN"))),
          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = { sizeof(filter) / sizeof(*filter), filter };

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
          abort();
      }
      """;

  /** Prints the answers. */
  static final class Program {
    private Program() {}

    public static void main(String[] args) {
      for (int i = 0; i < 2; i++) {
        Optional<Throwable> cause = Ashmem.unavailabilityCause();
        System.out.println(
            Ashmem.isAvailable()
                + " "
                + Ashmem.backends()
                + " "
                + cause.map(each -> each.getClass().getSimpleName()).orElse("-"));
      }
    }
  }

  /** Prints why no region can be created. */
  static final class Cause {
    private Cause() {}

    public static void main(String[] args) {
      System.out.println(Ashmem.unavailabilityCause().orElseThrow().getMessage());
    }
  }

  @Test
  void memfdIsAvailable() {
    assertEquals(Optional.empty(), Ashmem.unavailabilityCause());
    assertTrue(Ashmem.isAvailable());
    assertTrue(Ashmem.backends().contains(Backend.MEMFD));
    assertThrows(UnsupportedOperationException.class, () -> Ashmem.backends().clear());
  }

  @ParameterizedTest
  @EnumSource
  void answerIsThatOfACreation(Backend backend) {
    RegionBuilder builder = AshmemRegion.builder().size(1).backend(backend);
    if (Ashmem.isAvailable(backend)) {
      builder.create().close();
    } else {
      AshmemException e = assertThrows(AshmemException.class, builder::create);
      assertEquals(e.toString(), Ashmem.unavailabilityCause(backend).orElseThrow().toString());
    }
  }

  @Test
  void onlyWhatIsAvailableIsThereToChoose() {
    Set<Backend> available = EnumSet.noneOf(Backend.class);
    for (Backend each : List.of(Backend.DEVICE, Backend.MEMFD)) {
      if (Ashmem.isAvailable(each)) {
        available.add(each);
      }
    }
    assertEquals(available, Ashmem.backends());
  }

  @Test
  void nothingStaysOpen() throws Exception {
    long before = OpenFile.count(Path.of("/memfd: (deleted)"));
    assertTrue(Ashmem.isAvailable());
    assertTrue(Ashmem.isAvailable(Backend.AUTO));
    assertEquals(before, OpenFile.count(Path.of("/memfd: (deleted)")));
  }

  @Test
  void wrongPropertyIsTheCause() {
    System.setProperty(Backend.PROPERTY, "floppy");
    try {
      assertInstanceOf(IllegalArgumentException.class, Ashmem.unavailabilityCause().orElseThrow());
    } finally {
      System.setProperty(Backend.PROPERTY, "memfd");
    }
  }

  @Test
  void missingNativeLibraryIsTheCause(@TempDir Path directory) throws Exception {
    ChildJvm.Result result =
        ChildJvm.run(
            ChildJvm.command(
                List.of("-Dorg.ashmem.tmpdir=" + directory.resolve("missing")), Program.class));
    assertEquals(0, result.status(), result.output());
    assertEquals("false [] UnsatisfiedLinkError\n".repeat(2), result.output());
  }

  /** Does not run under AddressSanitizer, which has to be loaded first. */
  @ParameterizedTest
  @CsvSource({"1, EPERM (1)", "38, ENOSYS (38)"})
  @Tag("unsanitized")
  void sandboxIsTheCause(int errno, String name, @TempDir Path directory) throws Exception {
    Path library = ChildJvm.compile(directory, SANDBOX, "-shared", "-fPIC");
    List<String> command =
        new ArrayList<>(List.of("env", "FORBIDDEN=" + errno, "LD_PRELOAD=" + library));
    command.addAll(ChildJvm.command(List.of("-D" + Backend.PROPERTY + "=memfd"), Cause.class));
    ChildJvm.Result result = ChildJvm.run(command);
    assertEquals(0, result.status(), result.output());
    assertTrue(
        result.output().startsWith("memfd_create on 'availability': " + name), result.output());
    assertTrue(result.output().contains("allow memfd_create in the profile"), result.output());
  }
}
