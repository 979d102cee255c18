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
import org.openjdk.jcstress.infra.results.LL_Result;
import org.openjdk.jcstress.infra.results.LZ_Result;

/**
 * Races between the buffers of a mapping and its close. No access faults, and the tombstone is laid
 * once. Before Java 22, a view of a closed mapping reads zeros. From Java 22 on, it throws: its
 * result is "ended".
 */
final class MappingRaces {
  private static final AshmemRegion REGION =
      new AshmemRegion(Fd.another(), "race", AshmemRegion.pageSize());

  private MappingRaces() {}

  private static Mapping mapping() {
    return REGION.map(MapMode.READ_WRITE, 0, REGION.size());
  }

  /** Returns a mapping that already has a view. */
  private static Mapping seen() {
    Mapping mapping = mapping();
    mapping.buffer().put(0, (byte) 7);
    return mapping;
  }

  private static Object read(Mapping mapping) {
    try {
      return mapping.buffer().get(0);
    } catch (ClosedException e) {
      return "closed";
    } catch (IllegalStateException e) {
      return "ended";
    }
  }

  private static Object get(ByteBuffer view, int index) {
    try {
      return view == null ? null : view.get(index);
    } catch (IllegalStateException e) {
      return "ended";
    }
  }

  private static void put(ByteBuffer view, int index) {
    try {
      view.put(index, (byte) index);
    } catch (IllegalStateException e) {
      // Expected from Java 22 on: get then returns "ended".
    }
  }

  @JCStressTest
  @Outcome(id = "7, false", expect = ACCEPTABLE, desc = "read before")
  @Outcome(id = "0, false", expect = ACCEPTABLE, desc = "taken before, read after")
  @Outcome(id = "ended, false", expect = ACCEPTABLE, desc = "taken before, refused after")
  @Outcome(id = "closed, false", expect = ACCEPTABLE, desc = "refused")
  @Outcome(expect = FORBIDDEN, desc = "other bytes, or still open after close")
  @State
  public static class ReadAgainstClose {
    private final Mapping mapping = seen();

    @Actor
    public void reader(LZ_Result r) {
      r.r1 = read(mapping);
    }

    @Actor
    public void closer(LZ_Result r) {
      mapping.close();
      r.r2 = mapping.isOpen();
    }
  }

  /** The first view makes the buffer, or from Java 22 on the arena, that close ends. */
  @JCStressTest
  @Outcome(id = "0, false", expect = ACCEPTABLE, desc = "read before, or zeros after")
  @Outcome(id = "ended, false", expect = ACCEPTABLE, desc = "taken before, refused after")
  @Outcome(id = "closed, false", expect = ACCEPTABLE, desc = "refused")
  @Outcome(expect = FORBIDDEN, desc = "other bytes, or still open after close")
  @State
  public static class FirstViewAgainstClose {
    private final Mapping mapping = mapping();

    @Actor
    public void reader(LZ_Result r) {
      r.r1 = read(mapping);
    }

    @Actor
    public void closer(LZ_Result r) {
      mapping.close();
      r.r2 = mapping.isOpen();
    }
  }

  /** Calls that began before the close. Neither may see the arena that the other makes open. */
  @JCStressTest
  @Outcome(id = "null, null", expect = ACCEPTABLE, desc = "refused, before Java 22")
  @Outcome(id = "ended, ended", expect = ACCEPTABLE, desc = "taken and refused, from Java 22 on")
  @Outcome(expect = FORBIDDEN, desc = "read from unmapped memory")
  @State
  public static class FirstViewsAfterClose {
    private final Memory memory;

    public FirstViewsAfterClose() {
      Mapping mapping = mapping();
      memory = mapping.memory();
      mapping.close();
    }

    @Actor
    public void first(LL_Result r) {
      r.r1 = get(memory.buffer(), 0);
    }

    @Actor
    public void second(LL_Result r) {
      r.r2 = get(memory.buffer(), 0);
    }
  }

  @JCStressTest
  @Outcome(id = "1, 2", expect = ACCEPTABLE, desc = "both writes stay")
  @Outcome(id = "ended, ended", expect = ACCEPTABLE, desc = "all writes were refused")
  @Outcome(expect = FORBIDDEN, desc = "a second tombstone hid a write to the first")
  @State
  public static class CloseAgainstClose {
    private final Mapping mapping = seen();
    private final ByteBuffer view = mapping.buffer();

    @Actor
    public void first() {
      mapping.close();
      put(view, 1);
    }

    @Actor
    public void second() {
      mapping.close();
      put(view, 2);
    }

    @Arbiter
    public void end(LL_Result r) {
      r.r1 = get(view, 1);
      r.r2 = get(view, 2);
    }
  }
}
