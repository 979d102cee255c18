// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;
import org.openjdk.jcstress.infra.results.LL_Result;
import org.openjdk.jcstress.infra.results.Z_Result;

/** The number of a descriptor refers to our file while a thread uses it, and is closed once. */
final class DescriptorRaces {
  private DescriptorRaces() {}

  /** Uses the descriptor, and returns the owner of the file that its number refers to. */
  static String use(Descriptor descriptor) {
    int fd = descriptor.acquire();
    if (fd < 0) {
      return "closed";
    }
    String owner = Fd.owner(fd);
    descriptor.release();
    return owner;
  }

  @JCStressTest
  @Outcome(id = "ours, another's", expect = ACCEPTABLE, desc = "used before it was closed")
  @Outcome(id = "closed, another's", expect = ACCEPTABLE, desc = "refused")
  @Outcome(expect = FORBIDDEN, desc = "the number was used when it was no longer ours")
  @State
  public static class UseAgainstClose {
    private final Descriptor descriptor = new Descriptor(Fd.ours());
    private int another;

    @Actor
    public void user(LL_Result r) {
      r.r1 = use(descriptor);
    }

    @Actor
    public void closer() {
      descriptor.close();
      another = Fd.another();
    }

    @Arbiter
    public void end(LL_Result r) {
      r.r2 = Fd.closed(another);
    }
  }

  @JCStressTest
  @Outcome(id = "ours, ours, another's", expect = ACCEPTABLE, desc = "both used it")
  @Outcome(id = "closed, ours, another's", expect = ACCEPTABLE, desc = "one use was refused")
  @Outcome(expect = FORBIDDEN, desc = "the number was used when it was no longer ours")
  @State
  public static class UseAgainstCloseWithinUse {
    private final Descriptor descriptor = new Descriptor(Fd.ours());
    private int another;

    @Actor
    public void user(LLL_Result r) {
      r.r1 = use(descriptor);
    }

    @Actor
    public void closer(LLL_Result r) {
      int fd = descriptor.acquire();
      descriptor.close();
      another = Fd.another();
      r.r2 = Fd.owner(fd);
      descriptor.release();
    }

    @Arbiter
    public void end(LLL_Result r) {
      r.r3 = Fd.closed(another);
    }
  }

  @JCStressTest
  @Outcome(id = "another's, another's", expect = ACCEPTABLE, desc = "closed once")
  @Outcome(expect = FORBIDDEN, desc = "closed again when it was another's")
  @State
  public static class CloseAgainstClose {
    private final Descriptor descriptor = new Descriptor(Fd.ours());
    private int one;
    private int two;

    @Actor
    public void first() {
      descriptor.close();
      one = Fd.another();
    }

    @Actor
    public void second() {
      descriptor.close();
      two = Fd.another();
    }

    @Arbiter
    public void end(LL_Result r) {
      r.r1 = Fd.closed(one);
      r.r2 = Fd.closed(two);
    }
  }

  @JCStressTest
  @Outcome(id = "true", expect = ACCEPTABLE, desc = "closed by one of the two")
  @Outcome(id = "false", expect = FORBIDDEN, desc = "never closed")
  @State
  public static class EndOfUseAgainstClose {
    private final Fd.Own own = new Fd.Own();
    private final Descriptor descriptor = new Descriptor(own.number());

    public EndOfUseAgainstClose() {
      int unused = descriptor.acquire();
    }

    @Actor
    public void user() {
      descriptor.release();
    }

    @Actor
    public void closer() {
      descriptor.close();
    }

    @Arbiter
    public void end(Z_Result r) {
      r.r1 = own.wasClosed();
    }
  }

  @JCStressTest
  @Outcome(id = "true", expect = ACCEPTABLE, desc = "closed by the last user")
  @Outcome(id = "false", expect = FORBIDDEN, desc = "never closed")
  @State
  public static class EndOfUseAgainstEndOfUse {
    private final Fd.Own own = new Fd.Own();
    private final Descriptor descriptor = new Descriptor(own.number());

    public EndOfUseAgainstEndOfUse() {
      int unused = descriptor.acquire() + descriptor.acquire();
      descriptor.close();
    }

    @Actor
    public void first() {
      descriptor.release();
    }

    @Actor
    public void second() {
      descriptor.release();
    }

    @Arbiter
    public void end(Z_Result r) {
      r.r1 = own.wasClosed();
    }
  }
}
