/** Long texts of spans in object storage: put away when a trace is stored, there when it is read, gone with it. */
import { newId } from '@clawmesh/chassis'
import { openBucket } from '@clawmesh/chassis/bucket'
import { fakeS3, type FakeS3 } from '../../../test/fakes/s3.ts'
import { until } from '../../../test/support/eventually.ts'
import { createBodiesStore } from '../src/span-store/bodies.ts'
import { daysAgo, makeSpan, makeTenant, reportOf, startTraces, type TracesHarness } from './support.ts'

let s3: FakeS3
let traces: TracesHarness
beforeAll(async () => {
  s3 = await fakeS3()
  traces = await startTraces({
    CLAWMESH_S3_BUCKET: s3.bucket,
    CLAWMESH_S3_ENDPOINT: s3.url,
    CLAWMESH_S3_ACCESS_KEY_ID: s3.accessKeyId,
    CLAWMESH_S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
    CLAWMESH_S3_PREFIX: 'mesh/',
  })
})
afterAll(async () => {
  await traces.stop()
  await s3.stop()
})

const keysOf = (id: string) => [...s3.objects.keys()].filter((key) => key.includes(id))
const rowsOf = async (traceId: string) =>
  (
    await traces.mesh
      .database('traces')
      .pool.query<{ size: number; bodies_key: string | null }>(
        `SELECT coalesce(length(input_preview), 0) AS size, bodies_key FROM traces.spans WHERE trace_id = $1 ORDER BY size`,
        [traceId],
      )
  ).rows
const text = (words: number) => Array.from({ length: words }, (_, at) => `word${at}`).join(' ')
const [short, long] = [text(100), text(2_000)]
/** A span of a run with a short text, and one with long ones. */
const spans = [
  makeSpan({ start_time: daysAgo(0.2), input_preview: short, output_preview: short }),
  makeSpan({ start_time: daysAgo(0.1), input_preview: long, output_preview: `${long} answered` }),
]
const said = (body: { spans: { input_preview?: string | undefined; output_preview?: string | undefined }[] }) =>
  body.spans.map(({ input_preview, output_preview }) => [input_preview, output_preview])

it('stand in one object of the day and the trace, are read with it and erased with it', async () => {
  const { admin, tenantId } = makeTenant()
  const id = newId()
  const report = reportOf(tenantId, { id, run_id: id, created_at: daysAgo(1) }, spans)
  await traces.tell(report)
  await traces.tell(report)
  expect(keysOf(id)).toEqual([
    expect.stringMatching(
      new RegExp(`^mesh/tenants/\\.spans/${daysAgo(1).slice(0, 10)}/${tenantId}/${id}/[0-9a-f]{32}$`),
    ),
  ])
  expect(await rowsOf(id)).toEqual([
    { size: short.length, bodies_key: null },
    { size: 1_000, bodies_key: keysOf(id)[0]!.slice('mesh/'.length) },
  ])
  expect(said((await traces.get(admin, id)).body)).toEqual([
    [short, short],
    [long, `${long} answered`],
  ])
  // What another program told of it goes when the run is told of.
  const other = newId()
  await traces.tell(reportOf(tenantId, { id: other }, spans))
  expect(keysOf(other)).toHaveLength(1)
  await traces.tell(reportOf(tenantId, { id: other, run_id: other }, [makeSpan()]))
  expect(keysOf(other)).toEqual([])
  expect(keysOf(id)).toHaveLength(1)
})

it('stay in their rows while object storage is away, and what is put away is shown shortened', async () => {
  const { admin, tenantId } = makeTenant()
  const [away, back] = [newId(), newId()]
  s3.fail(503, 1_000)
  await traces.tell(reportOf(tenantId, { id: away }, spans))
  s3.fail(503, 0)
  expect(keysOf(away)).toEqual([])
  expect((await rowsOf(away)).map(({ size }) => size)).toEqual([short.length, long.length])
  await traces.tell(reportOf(tenantId, { id: back }, spans))
  expect(keysOf(back)).toHaveLength(1)
  s3.fail(503, 1_000)
  expect(said((await traces.get(admin, away)).body)).toEqual([
    [short, short],
    [long, `${long} answered`],
  ])
  expect(said((await traces.get(admin, back)).body)).toEqual([
    [short, short],
    [long.slice(0, 1_000), long.slice(0, 1_000)],
  ])
  s3.fail(503, 0)
})

it('are dropped with their day', async () => {
  const { tenantId } = makeTenant()
  const ids = [newId(), newId()] as const
  for (const [at, id] of ids.entries())
    await traces.tell(reportOf(tenantId, { id, created_at: daysAgo(1 + at) }, spans))
  const bucket = openBucket({
    ...{ name: s3.bucket, endpoint: s3.url, region: 'us-east-1', accessKeyId: s3.accessKeyId },
    ...{ secretAccessKey: s3.secretAccessKey, sessionToken: '', pathStyle: true, prefix: 'mesh/' },
  })
  const store = createBodiesStore(bucket, (err) => {
    throw err
  })
  await store.dropDays((day) => day === daysAgo(2).slice(0, 10))
  await until(() => keysOf(ids[1]).length === 0)
  expect(keysOf(ids[0])).toHaveLength(1)
})
