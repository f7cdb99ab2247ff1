import { mediaLoad } from './scenarios/media-load.ts'

const mib = 1_048_576

test(
  'files of 50 MB go up and down in bounded memory, in parts, and by 200 at once',
  async () => {
    const { oneAtATime, ranges, atOnce, wrong } = await mediaLoad(console.log)
    expect(wrong).toBe(0)
    for (const [name, bytes] of oneAtATime) expect([name, bytes < 20 * mib]).toEqual([name, true])
    // A tenth of what 200 would be that are held whole, and less.
    for (const [name, bytes] of [...ranges, ...atOnce]) expect([name, bytes < 400 * mib]).toEqual([name, true])
  },
  15 * 60_000,
)
