// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.ashmem.example.PurgeDemo;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The demo: the kernel purges a region when a cgroup reaches its limit. */
@Tag("device")
class PurgeDemoIT {
  @Test
  void limitOfACgroupPurgesWhatIsUnpinned() throws Exception {
    ChildJvm.Result result = ChildJvm.run(ChildJvm.command(List.of(), PurgeDemo.class));

    assertEquals(0, result.status(), result.output());
    assertTrue(result.output().contains("/dev/ashmem/demo (deleted)"), result.output());
    assertTrue(result.output().contains("The cgroup's limit was hit."), result.output());
    assertTrue(result.output().contains("oom_kill 0"), result.output());
    assertTrue(result.output().contains("All as it should be."), result.output());
    assertFalse(Files.exists(Path.of("/sys/fs/cgroup/ashmem-demo")));
  }
}
