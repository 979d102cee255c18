// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.lang.reflect.Proxy;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LL_Result;

/**
 * Races between calls on a region and its close. The region is on /dev/null, so each call has the
 * result of /dev/null. RaceIT tests these races on the device.
 */
final class AshmemRegionRaces {
  private AshmemRegionRaces() {}

  private static AshmemRegion region() {
    return new AshmemRegion(Fd.ours(), "race", AshmemRegion.pageSize());
  }

  @JCStressTest
  @Outcome(id = "ENODEV, another's", expect = ACCEPTABLE, desc = "our file refused the mapping")
  @Outcome(id = "closed, another's", expect = ACCEPTABLE, desc = "the region refused the call")
  @Outcome(expect = FORBIDDEN, desc = "the call reached another file or a closed number")
  @State
  public static class MapAgainstClose {
    private final AshmemRegion region = region();
    private int another;

    @Actor
    public void user(LL_Result r) {
      try (Mapping mapping = region.map(MapMode.READ_ONLY, 0, region.size())) {
        r.r1 = mapping.toString();
      } catch (ClosedException e) {
        r.r1 = "closed";
      } catch (AshmemException e) {
        r.r1 = e.errnoName();
      }
    }

    @Actor
    public void closer() {
      region.close();
      another = Fd.another();
    }

    @Arbiter
    public void end(LL_Result r) {
      r.r2 = Fd.closed(another);
    }
  }

  @JCStressTest
  @Outcome(id = "ours, another's", expect = ACCEPTABLE, desc = "a duplicate of our file")
  @Outcome(id = "closed, another's", expect = ACCEPTABLE, desc = "the region refused the call")
  @Outcome(expect = FORBIDDEN, desc = "the call reached another file or a closed number")
  @State
  public static class DupAgainstClose {
    private final AshmemRegion region = region();
    private int another;

    @Actor
    public void user(LL_Result r) {
      try {
        r.r1 = Fd.closed(region.dup().detach());
      } catch (ClosedException e) {
        r.r1 = "closed";
      } catch (AshmemException e) {
        r.r1 = e.errnoName();
      }
    }

    @Actor
    public void closer() {
      region.close();
      another = Fd.another();
    }

    @Arbiter
    public void end(LL_Result r) {
      r.r2 = Fd.closed(another);
    }
  }

  @JCStressTest
  @Outcome(id = "ENOTTY, quiet", expect = ACCEPTABLE, desc = "the first close unpinned")
  @Outcome(id = "quiet, ENOTTY", expect = ACCEPTABLE, desc = "the second close unpinned")
  @Outcome(expect = FORBIDDEN, desc = "unpinned twice, or not at all")
  @State
  public static class EndOfScopeAgainstItself {
    private final AshmemRegion region = region();
    private final Pin pin = scope(region);

    @Actor
    public void first(LL_Result r) {
      r.r1 = endOf(pin);
    }

    @Actor
    public void second(LL_Result r) {
      r.r2 = endOf(pin);
    }

    @Arbiter
    public void end() {
      region.close();
    }
  }

  @JCStressTest
  @Outcome(id = "ENOTTY, another's", expect = ACCEPTABLE, desc = "the unpin reached our file")
  @Outcome(id = "quiet, another's", expect = ACCEPTABLE, desc = "the region was closed before")
  @Outcome(expect = FORBIDDEN, desc = "the unpin reached a closed number")
  @State
  public static class EndOfScopeAgainstClose {
    private final AshmemRegion region = region();
    private final Pin pin = scope(region);
    private int another;

    @Actor
    public void user(LL_Result r) {
      r.r1 = endOf(pin);
    }

    @Actor
    public void closer() {
      region.close();
      another = Fd.another();
    }

    @Arbiter
    public void end(LL_Result r) {
      r.r2 = Fd.closed(another);
    }
  }

  /** A driver that pins without a call, because our file refuses every pin. */
  private static final Driver PINS =
      (Driver)
          Proxy.newProxyInstance(
              Driver.class.getClassLoader(),
              new Class<?>[] {Driver.class},
              (proxy, method, arguments) ->
                  method.getName().equals("pin")
                      ? (Object) 0
                      : method.invoke(DeviceDriver.INSTANCE, arguments));

  private static Pin scope(AshmemRegion region) {
    return new Pins(region, PINS).begin(0, region.size());
  }

  private static String endOf(Pin pin) {
    try {
      pin.close();
      return "quiet";
    } catch (AshmemException e) {
      return e.errnoName();
    }
  }
}
