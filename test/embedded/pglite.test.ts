import { existsSync, readdirSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { copyEmptyDatabase, startPgliteProcess, type PgliteProcess } from '../support/pglite.ts'

let directory: string
/** One database that the tests about queries share; each has tables of its own. */
let shared: PgliteProcess

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'clawmesh-pglite-'))
  shared = await startPgliteProcess({ dataDir: await copyOfEmpty('shared') })
})

afterAll(async () => {
  await shared.stop()
  await rm(directory, { recursive: true, force: true })
})

async function copyOfEmpty(name: string): Promise<string> {
  const dataDir = join(directory, name)
  await copyEmptyDatabase(dataDir)
  return dataDir
}

function openPool(url: string, max = 10): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max })
  pool.on('error', () => {})
  return pool
}

async function withPool<T>(url: string, use: (pool: pg.Pool) => Promise<T>): Promise<T> {
  const pool = openPool(url)
  try {
    return await use(pool)
  } finally {
    await pool.end()
  }
}

async function inTransaction<T>(pool: pg.Pool, use: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    const result = await use(client)
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}

describe('many connections to the one session', () => {
  test('2000 queries of different shapes, transactions and failures among them, get each their own answer', async () => {
    await withPool(shared.url, async (pool) => {
      await pool.query('create table counter (id int primary key, value int not null)')
      await pool.query('insert into counter select i, 0 from generate_series(0, 9) i')
      const large = 'x'.repeat(200_000)
      const shapes = [
        async (i: number) => expect((await pool.query('select $1::int as a', [i])).rows).toEqual([{ a: i }]),
        async (i: number) =>
          expect((await pool.query('select $1::text as b, $2::int as c', [`t${i}`, i])).rows).toEqual([
            { b: `t${i}`, c: i },
          ]),
        async (i: number) => expect(pool.query('select $1::int / 0', [i])).rejects.toThrow('division by zero'),
        async (i: number) =>
          inTransaction(pool, async (client) => {
            const { rows } = await client.query('select value from counter where id = $1', [i % 10])
            await client.query('update counter set value = $1 where id = $2', [rows[0].value + 1, i % 10])
          }),
        async (i: number) =>
          expect(
            inTransaction(pool, async (client) => {
              await client.query('update counter set value = -1 where id = $1', [i % 10])
              throw new Error('undo')
            }),
          ).rejects.toThrow('undo'),
        // Larger than a socket's buffer, so the messages of one statement come in pieces.
        async (i: number) =>
          expect((await pool.query('select length($1::text) as n, $2::int as i', [large, i])).rows).toEqual([
            { n: large.length, i },
          ]),
        async (i: number) => expect((await pool.query(`select ${i} as simple`)).rows).toEqual([{ simple: i }]),
        async (i: number) =>
          expect((await pool.query('select g from generate_series(1, $1::int) g', [i % 500])).rowCount).toBe(i % 500),
      ]
      await Promise.all(Array.from({ length: 2000 }, (_, i) => shapes[i % shapes.length]!(i)))
      const { rows } = await pool.query('select sum(value)::int as total, min(value) as least from counter')
      expect(rows).toEqual([{ total: 250, least: expect.any(Number) }])
      expect(rows[0].least).toBeGreaterThanOrEqual(0)
    })
  })

  test('a client that vanishes in its transaction leaves neither its changes nor its lock', async () => {
    await withPool(shared.url, async (pool) => {
      await pool.query('create table vanish (id int)')
      const client = new pg.Client({ connectionString: shared.url })
      client.on('error', () => {})
      await client.connect()
      await client.query('begin')
      await client.query('insert into vanish values (1)')
      const blocked = pool.query('select count(*)::int as n from vanish')
      Reflect.get(Reflect.get(client, 'connection'), 'stream').destroy()
      expect((await blocked).rows).toEqual([{ n: 0 }])
    })
  })

  test('32 clients are served and the next is told why not', async () => {
    // Connections of the test before may still be closing.
    const connected = async () => {
      for (;;) {
        const pool = openPool(shared.url, 33)
        const attempts = await Promise.allSettled(Array.from({ length: 32 }, () => pool.connect()))
        const clients = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []))
        if (clients.length === 32) return { pool, clients }
        for (const client of clients) client.release()
        await pool.end()
        await sleep(50)
      }
    }
    const { pool, clients } = await connected()
    await expect(pool.connect()).rejects.toThrow('too many clients')
    for (const client of clients) client.release()
    await pool.end()
  })

  test('another database than the one there is gets refused', async () => {
    const url = shared.url.replace('/postgres?', '/other?')
    await withPool(url, (pool) => expect(pool.query('select 1')).rejects.toThrow('database "other" does not exist'))
  })

  test('bytes that are no PostgreSQL end that connection only', async () => {
    const { connect } = await import('node:net')
    const socket = connect(join(directory, 'shared', '.s.PGSQL.5432'))
    socket.on('error', () => {})
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.resume()
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await closed
    await withPool(shared.url, async (pool) => expect((await pool.query('select 1 as a')).rows).toEqual([{ a: 1 }]))
  })
})

test('a transaction left open is cut off after the limit, and the others go on', async () => {
  const server = await startPgliteProcess({ idleInTransactionTimeoutMs: 1_000 })
  await withPool(server.url, async (pool) => {
    const idle = new pg.Client({ connectionString: server.url })
    const reported = new Promise<Error>((resolve) => idle.on('error', resolve))
    await idle.connect()
    await idle.query('begin')
    await idle.query('create table half (id int)')
    // Others that come meanwhile do not put the limit off.
    const others = setInterval(() => void pool.query('select 1').catch(() => {}), 50)
    expect((await pool.query("select to_regclass('half') as half")).rows).toEqual([{ half: null }])
    clearInterval(others)
    expect((await reported).message).toContain('idle-in-transaction')
  })
  await server.stop()
})

test('vectors are stored and found by distance', async () => {
  await withPool(shared.url, async (pool) => {
    await pool.query('create extension if not exists vector')
    await pool.query('create table place (id int primary key, at vector(3))')
    await pool.query("insert into place values (1, '[1,0,0]'), (2, '[0,1,0]'), (3, '[0,0.9,0.1]')")
    await pool.query('create index on place using hnsw (at vector_cosine_ops)')
    const { rows } = await pool.query('select id from place order by at <=> $1 limit 2', ['[0,1,0]'])
    expect(rows.map(({ id }) => id)).toEqual([2, 3])
  })
})

test('a database in memory leaves nothing behind', async () => {
  const server = await startPgliteProcess()
  const socketDirectory = new URL(server.url).searchParams.get('host') ?? ''
  await withPool(server.url, async (pool) => expect((await pool.query('select 1 as a')).rows).toEqual([{ a: 1 }]))
  expect(existsSync(socketDirectory)).toBe(true)
  await server.stop()
  expect(existsSync(socketDirectory)).toBe(false)
})

describe('a data directory', () => {
  test('keeps what was committed through kill -9 and forgets the rest', async () => {
    const dataDir = await copyOfEmpty('killed')
    const first = await startPgliteProcess({ dataDir })
    const pool = openPool(first.url)
    await pool.query('create table kept (id int primary key)')
    for (let id = 1; id <= 50; id += 1) await pool.query('insert into kept values ($1)', [id])
    const open = await pool.connect()
    open.on('error', () => {})
    await open.query('begin')
    await open.query('insert into kept values (1000)')
    await first.stop('SIGKILL')
    open.release(true)
    await pool.end()
    expect(readdirSync(dataDir)).toContain('.s.PGSQL.5432')

    const second = await startPgliteProcess({ dataDir })
    await withPool(second.url, async (reader) => {
      const { rows } = await reader.query('select count(*)::int as n, max(id) as last from kept')
      expect(rows).toEqual([{ n: 50, last: 50 }])
    })
    await second.stop()
    expect(readdirSync(dataDir)).toEqual(['pgdata'])
  })

  test('is refused while a live process holds it, the same one included', async () => {
    const dataDir = await copyOfEmpty('held')
    const holder = await startPgliteProcess({ dataDir })
    await expect(startPgliteProcess({ dataDir })).rejects.toThrow(`in use by process ${holder.pid}`)
    await withPool(holder.url, (pool) => pool.query('select 1'))
    await holder.stop('SIGKILL')

    await expect(startPgliteProcess({ dataDir, twice: true })).rejects.toThrow(/in use by process \d+/)
    await (await startPgliteProcess({ dataDir })).stop()
  })

  test('is free although its lock names a living process, when that one started later', async () => {
    const dataDir = await copyOfEmpty('reused')
    const lock = { pid: process.pid, startedAt: 'an earlier boot:1' }
    await writeFile(join(dataDir, 'clawmesh.lock'), JSON.stringify(lock))
    const server = await startPgliteProcess({ dataDir })
    await server.stop()
  })

  test('that was half created when the process died is created anew', async () => {
    const dataDir = join(directory, 'half')
    await mkdir(join(dataDir, 'pgdata.new-abc'), { recursive: true })
    const server = await startPgliteProcess({ dataDir })
    await withPool(server.url, (pool) => pool.query('select 1'))
    await server.stop()
    expect(readdirSync(dataDir)).toEqual(['pgdata'])
  })

  test('with a path too long for a socket works all the same', async () => {
    const dataDir = await copyOfEmpty('long'.repeat(30))
    const server = await startPgliteProcess({ dataDir })
    await withPool(server.url, async (pool) => expect((await pool.query('select 1 as a')).rows).toEqual([{ a: 1 }]))
    await server.stop()
  })
})
