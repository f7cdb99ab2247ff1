import { spanLoad } from './scenarios/spans.ts'

const [seconds, spansPerSecond] = [60, 5_000]

test(
  `${spansPerSecond} spans a second for ${seconds} s are stored once each in bounded memory, though their process is killed`,
  async () => {
    const outcome = await spanLoad({ seconds, spansPerSecond })
    console.info(outcome)
    expect(outcome).toMatchObject({
      ...{ spans: seconds * spansPerSecond, lost: 0, doubled: 0, usageEqualsRecount: true, killed: true },
    })
    // The rate was met, so it was a load.
    expect(outcome.publishSeconds).toBeLessThan(seconds * 1.1)
    expect(outcome.peakMiB).toBeLessThan(512)
  },
  15 * 60_000,
)
