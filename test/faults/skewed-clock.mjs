/**
 * Loaded into a replica by `node --import`: its machine's clock is wrong by FAULTS_CLOCK_SKEW
 * milliseconds. The monotonic clock is right, as it is on such a machine.
 */
const skew = Number(process.env.FAULTS_CLOCK_SKEW ?? 0);
const RealDate = Date;

globalThis.Date = class extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(RealDate.now() + skew);
    else super(...parts);
  }

  static now() {
    return RealDate.now() + skew;
  }
};
