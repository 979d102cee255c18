// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@ExtendWith(OnMemfd.class)
class AshmemTest {
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
}
