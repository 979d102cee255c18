// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.nio.ByteBuffer;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.BB_Result;
import org.openjdk.jcstress.infra.results.LZ_Result;

/** A mapping's buffers against its close: no access is a fault, and the tombstone falls once. */
final class MappingRaces {
  private static final AshmemRegion REGION =
      new AshmemRegion(Fd.another(), "race", AshmemRegion.pageSize());

  private MappingRaces() {}

  private static Mapping mapping() {
    Mapping mapping = REGION.map(MapMode.READ_WRITE, 0, REGION.size());
    mapping.buffer().put(0, (byte) 7);
    return mapping;
  }

  @JCStressTest
  @Outcome(id = "7, false", expect = ACCEPTABLE, desc = "read before")
  @Outcome(id = "0, false", expect = ACCEPTABLE, desc = "taken before, read after")
  @Outcome(id = "closed, false", expect = ACCEPTABLE, desc = "refused")
  @Outcome(expect = FORBIDDEN, desc = "other bytes, or still open after close")
  @State
  public static class ReadAgainstClose {
    private final Mapping mapping = mapping();

    @Actor
    public void reader(LZ_Result r) {
      try {
        r.r1 = mapping.buffer().get(0);
      } catch (ClosedException e) {
        r.r1 = "closed";
      }
    }

    @Actor
    public void closer(LZ_Result r) {
      mapping.close();
      r.r2 = mapping.isOpen();
    }
  }

  @JCStressTest
  @Outcome(id = "1, 2", expect = ACCEPTABLE, desc = "both writes stay")
  @Outcome(expect = FORBIDDEN, desc = "a second tombstone took what was written on the first")
  @State
  public static class CloseAgainstClose {
    private final Mapping mapping = mapping();
    private final ByteBuffer view = mapping.buffer();

    @Actor
    public void first() {
      mapping.close();
      view.put(1, (byte) 1);
    }

    @Actor
    public void second() {
      mapping.close();
      view.put(2, (byte) 2);
    }

    @Arbiter
    public void end(BB_Result r) {
      r.r1 = view.get(1);
      r.r2 = view.get(2);
    }
  }
}
