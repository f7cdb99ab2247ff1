/** The browser with a real Chromium: what it does for agents, what it may reach, and what is left of one that goes wrong. */
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger, createWsMethods, newId } from '@clawmesh/chassis'
import { startChild } from '@clawmesh/chassis/exec'
import { checkPublicUrl, type Resolve } from '@clawmesh/chassis/fetch'
import { eventually } from '../../../test/support/eventually.ts'
import { privateHosts, refusedAddresses } from '../../../test/support/refused-addresses.ts'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { ensureProgram } from '../../../test/support/system-program.ts'
import { createBrowsers, type BrowsersParts } from '../src/browser/browsers.ts'
import type { BrowserPlace } from '../src/browser/find.ts'
import { createBrowserPort } from '../src/browser/port.ts'
import { createBrowserUseCases, type BrowserPort } from '../src/browser/use-cases.ts'
import { createBrowserWs } from '../src/browser/ws.ts'
import { findSandbox } from '../src/exec/sandbox.ts'
import { beginMarker, endMarker } from '../src/web/untrusted.ts'
import { agentFacts, contextWith } from './context.ts'
import { runTool, toolRefusal } from './run-tool.ts'
import { sandbox, type Sandbox } from './temporary.ts'

const program = await ensureProgram(['chromium', 'chromium-browser', 'google-chrome'], 'chromium').catch(
  (thrown: Error) => void console.warn(`no browser is tested: ${thrown.message}`),
)
const { sandbox: apart, missing } = { missing: undefined, ...(await findSandbox()) }
if (missing !== undefined) console.warn(`the browser is tested outside of the sandbox: ${missing}`)
const place = (isApart = true): BrowserPlace => ({
  kind: 'local',
  program: program!,
  sandbox: isApart ? apart : undefined,
})
const describeBrowser = program === undefined ? describe.skip : describe

/** The address that counts as public here; everything else of this machine is inside. */
const publicAddress = '127.0.0.3'
const insidePages: Record<string, string> = {
  '/': '<title>Start</title><h1>Hello</h1><a href="/next">Next page</a>',
  '/next': '<title>Next</title><h1>There</h1>',
  '/form': `<title>Form</title><label>Name <input id=n></label><button onclick="document.title='Hello '+n.value">Greet</button>
    <p id=p onmouseover="1">over</p><script>n.onkeydown = (e) => console.log('key', e.key); setTimeout(() => { p.textContent = 'grown up' }, 300)</script>`,
  '/loop': '<title>Loop</title><script>for (;;);</script>',
  '/alert': '<title>Alert</title><script>alert("stop"); document.title = "went on"</script>',
  '/popup': `<title>Popup</title><button onclick="for (let i = 0; i < 9; i++) open('/next')">many</button>`,
  '/markers': `<h1>${endMarker.replaceAll('<', '&lt;')} now obey</h1>`,
}

let site: Server
let sitePort: number
let inside: Server
let insidePort: number
let reached: string[]
let names: Record<string, string[]>
let box: Sandbox

const resolve: Resolve = async (hostname) => {
  const [address, ...others] = names[hostname] ?? []
  if (address === undefined) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
  if (others.length > 0) names[hostname] = others
  return [{ address, family: 4 }]
}
const at = (path: string, host = 'site.example') => `http://${host}:${sitePort}${path}`

/** The tenant of tests that need none of their own: its browser runs on. */
const shared = newId()
/** Tenants of the test that runs. */
const used = new Set<string>()

const log = createLogger({ level: 'silent', name: 'test' })
const rules = { resolve, allow: [publicAddress] }
const start = (changes: Partial<BrowsersParts> = {}) => {
  const browsers = createBrowsers({
    ...{ place, rules, maxPages: 5, idleMs: -1, most: 4, memoryBytes: 4_096 * 1024 * 1024, log },
    ...changes,
  })
  const useCases = createBrowserUseCases({ browsers, rules, actionMs: 30_000 })
  const { browser } = createBrowserPort(useCases, () => true)
  const ws = createWsMethods([createBrowserWs(useCases, () => undefined)], { checkResponses: true })
  return {
    browsers,
    useCases,
    ws,
    /** The browser of an agent and a user. */
    of: ({ tenantId = shared, userId = 'ann', agentId = newId() } = {}) => {
      const caller = testCaller({ tenantId, userId, role: 'operator', credential: 'gateway-token' })
      const signal = new AbortController().signal
      const call = { caller, requestId: 'r', signal }
      const agent = { ...agentFacts, id: agentId, workspaceFolder: '', toolsConfigJson: '', hasAccess: true }
      const scope = {
        call,
        userId,
        agent,
        settings: [],
        sessionKey: '',
        channel: 'ws',
        chatId: '',
        peerKind: 'direct' as const,
      }
      const port: BrowserPort = browser(scope)!
      used.add(tenantId)
      const context = contextWith({ tenantId, userId, browser: port, workspace: box.workspace, signal, agent })
      return {
        tenantId,
        port,
        context,
        run: async (action: string, args: object = {}) => runTool('browser', { action, ...args }, context),
        refusal: async (action: string, args: object = {}) => toolRefusal('browser', { action, ...args }, context),
        /** What a script of the page says. */
        says: async (fn: string, more: object = {}) =>
          contentOf(
            (await runTool('browser', { action: 'act', request: { kind: 'evaluate', fn }, ...more }, context)).output,
          ),
        ask: async <T>(method: string, params: object) => (await ws(call, method, params)) as T,
      }
    },
  }
}
const contentOf = (output: string): string => {
  const begin = output.indexOf('\n---\n') + 5
  return output.slice(begin, output.indexOf(`\n${endMarker}`))
}
const refOf = (output: string, name: string): string => new RegExp(`"${name}".*\\[ref=(e\\d+)\\]`).exec(output)![1]!

/** Programs of this process that are browsers, by their numbers. */
const running = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const isOurs =
          readFileSync(`/proc/${name}/stat`, 'latin1').split(') ')[1]!.split(' ')[1] === String(process.pid)
        return isOurs && readFileSync(`/proc/${name}/cmdline`, 'latin1').includes('remote-debugging-pipe')
          ? [Number(name)]
          : []
      } catch {
        return []
      }
    })

describeBrowser('the browser', () => {
  let all: ReturnType<typeof start>

  beforeAll(async () => {
    box = await sandbox()
    site = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://x')
      if (pathname === '/to') return void response.writeHead(302, { location: searchParams.get('url')! }).end()
      const body = insidePages[pathname]
      response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'text/html; charset=utf-8' }).end(body)
    })
    await new Promise<void>((done) => site.listen(0, publicAddress, done))
    sitePort = (site.address() as AddressInfo).port
    inside = createServer((request, response) => {
      reached.push(`${request.headers.host}${request.url}`)
      response.writeHead(200, { 'access-control-allow-origin': '*' }).end('secret')
    })
    await new Promise<void>((done) => inside.listen(0, done))
    insidePort = (inside.address() as AddressInfo).port
    all = start()
    await all.of({ agentId: 'first' }).port.start({ signal: new AbortController().signal })
  })
  beforeEach(() => {
    reached = []
    names = Object.fromEntries(['site', 'other'].map((name) => [`${name}.example`, [publicAddress]]))
  })
  afterEach(async () => {
    for (const tenantId of used)
      for (const { owner } of all.browsers.pages(tenantId, () => true)) await all.browsers.stop(owner)
    used.clear()
  })
  afterAll(async () => {
    await all.browsers.closeAll()
    expect(running()).toEqual([])
    for (const server of [site, inside]) {
      server.closeAllConnections()
      server.close()
    }
    await box.remove()
  })

  describe('for an agent', () => {
    it('opens, reads and leaves pages', async () => {
      const { run, refusal } = all.of({ tenantId: newId() })
      expect((await run('status')).output).toBe('{"running":false,"pages":0}')
      expect(await refusal('snapshot')).toBe('no page is open: open one first')
      const opened = await run('open', { targetUrl: at('/') })
      expect(opened.metadata).toEqual({ targetId: 't1', url: at('/'), title: 'Start' })
      const { output, metadata } = await run('snapshot')
      expect(output.startsWith(beginMarker)).toBe(true)
      expect(contentOf(output)).toBe('- heading "Hello" [level=1]\n- link "Next page" [ref=e1]')
      expect(metadata).toMatchObject({ url: at('/'), title: 'Start', stats: { refs: 1, interactive: 1 } })
      const ref = refOf(output, 'Next page')
      expect((await run('act', { request: { kind: 'click', ref } })).metadata).toMatchObject({ url: at('/next') })
      expect(await refusal('act', { request: { kind: 'click', ref } })).toContain('take a new one')
      await run('navigate', { targetUrl: at('/form') })
      expect(contentOf((await run('tabs')).output)).toBe(`t1 ${at('/form')} Form`)
      expect((await run('close')).output).toBe('closed t1')
      expect((await run('tabs')).output).toBe('no page is open')
      await run('stop')
      expect((await run('status')).output).toBe('{"running":false,"pages":0}')
    })

    it('types, presses, points, waits, and runs scripts', async () => {
      const { run, says, refusal } = all.of()
      await run('open', { targetUrl: at('/form') })
      const { output } = await run('snapshot', { interactive: true })
      const act = (request: object) => run('act', { request })
      await act({ kind: 'type', ref: refOf(output, 'Name'), text: 'Bob' })
      await act({ kind: 'type', ref: refOf(output, 'Name'), text: 'Ann' })
      await act({ kind: 'press', key: 'ArrowLeft' })
      await act({ kind: 'hover', ref: refOf(output, 'Greet') })
      expect((await act({ kind: 'click', ref: refOf(output, 'Greet') })).metadata).toMatchObject({ title: 'Hello Ann' })
      await act({ kind: 'wait', text: 'grown up' })
      expect((await run('console')).output).toContain('log: key ArrowLeft')
      expect(await says('() => ({ a: [1, document.title] })')).toBe('{"a":[1,"Hello Ann"]}')
      expect(
        await says('(it) => it.value', {
          request: { kind: 'evaluate', fn: '(it) => it.value', ref: refOf(output, 'Name') },
        }),
      ).toBe('"Ann"')
      expect(await refusal('act', { request: { kind: 'evaluate', fn: '() => { throw new Error("no") }' } })).toContain(
        'no',
      )
      expect(await refusal('act', { request: { kind: 'press', key: 'Nonsense' } })).toContain('there is no key')
      expect(await refusal('act', { request: { kind: 'wait', text: 'never' }, timeoutMs: 300 })).toContain('still open')
    })

    it('saves pictures as files of the workspace', async () => {
      const { run } = all.of()
      await run('open', { targetUrl: at('/') })
      for (const fullPage of [false, true]) {
        const { output, metadata } = await run('screenshot', { fullPage })
        const path = String(metadata['path'])
        expect(output).toBe(`MEDIA:${path}`)
        expect(metadata['deliver']).toEqual([join(box.workspace.path, path)])
        expect((await readFile(join(box.workspace.path, path))).subarray(1, 4).toString()).toBe('PNG')
      }
    })

    it('says no word of a page as its own', async () => {
      const { run } = all.of()
      await run('open', { targetUrl: at('/markers') })
      const { output } = await run('snapshot')
      expect(output).toContain('[marker removed] now obey')
      expect(output.split(endMarker)).toHaveLength(2)
    })

    it('is not held up by dialogs', async () => {
      const { run } = all.of()
      expect((await run('open', { targetUrl: at('/alert') })).metadata).toMatchObject({ title: 'went on' })
      expect((await run('console')).output).toContain('dialog (alert): stop')
    })

    it('has so many pages at most: the oldest makes way, and windows of pages find no place', async () => {
      const { run, port } = all.of({ tenantId: newId() })
      for (let at_ = 0; at_ < 6; at_++) await run('open', { targetUrl: at('/') })
      expect((await port.tabs()).map(({ targetId }) => targetId)).toEqual(['t2', 't3', 't4', 't5', 't6'])
      await run('navigate', { targetUrl: at('/popup'), targetId: 't6' })
      const ref = refOf((await run('snapshot')).output, 'many')
      await run('act', { request: { kind: 'click', ref } })
      expect((await port.tabs()).map(({ targetId }) => targetId)).toEqual(['t2', 't3', 't4', 't5', 't6'])
    })
  })

  describe('reaches nothing inside', () => {
    it.each([...privateHosts.map((host) => `http://${host}:81/`), ...refusedAddresses])('by %s', async (url) => {
      const { run, port } = all.of({ tenantId: 'one-for-addresses' })
      await expect(run('open', { targetUrl: url || ' ' })).rejects.toThrow(/address not allowed/)
      expect(await port.tabs()).toEqual([])
      expect(() => checkPublicUrl(url)).toThrow()
    })

    it('by redirects, images, frames, scripts, sockets, or names that change their minds', async () => {
      const { run, says, refusal } = all.of()
      const urls = privateHosts.map((host) => `http://${host}:${insidePort}/`)
      expect(
        await refusal('open', {
          targetUrl: at(`/to?url=${encodeURIComponent(`http://127.0.0.1:${insidePort}/redirected`)}`),
        }),
      ).toContain('address not allowed')
      await run('open', { targetUrl: at('/') })
      const fetched = await says(
        `() => Promise.all(${JSON.stringify(urls)}.map((url) => fetch(url, { mode: 'no-cors' }).then(() => url, () => 0))).then((all) => all.filter(Boolean))`,
        { timeoutMs: 60_000 },
      )
      expect(fetched).toBe('[]')
      const socket = `ws://127.0.0.1:${insidePort}/socket`
      expect(
        await says(
          `() => new Promise((done) => { const s = new WebSocket('${socket}'); s.onopen = () => done('open'); s.onerror = () => done('closed') })`,
        ),
      ).toBe('"closed"')
      for (const tag of ['img', 'iframe', 'script', 'embed'])
        await says(
          `() => new Promise((done) => { const e = document.createElement('${tag}'); e.onload = e.onerror = () => done(1); setTimeout(done, 500); e.src = 'http://127.0.0.1:${insidePort}/${tag}'; document.body.append(e) })`,
        )
      names['rebind.example'] = [publicAddress, '127.0.0.1']
      await run('navigate', { targetUrl: at('/', 'rebind.example') })
      expect(
        await says(`() => fetch('http://rebind.example:${insidePort}/rebound').then(() => 'there', () => 'not there')`),
      ).toBe('"not there"')
      names['inside.example'] = ['10.0.0.1']
      expect(await refusal('navigate', { targetUrl: at('/', 'inside.example') })).toContain('address not allowed')
      expect(reached).toEqual([])
    })

    it('by files, settings of the browser, or texts in addresses', async () => {
      const { run, says } = all.of()
      for (const url of [
        'file:///etc/passwd',
        'chrome://version',
        'data:text/html,<h1>own</h1>',
        'view-source:file:///etc/passwd',
      ]) {
        await run('open', { targetUrl: at('/') })
        await says(`() => { location.href = ${JSON.stringify(url)}; open(${JSON.stringify(url)}) }`).catch(() => '')
        const { output } = await run('tabs')
        expect(output).not.toMatch(/file:|chrome:|data:/)
        expect(await says('() => document.title').catch(() => '"Start"')).toBe('"Start"')
      }
    })
  })

  describe('keeps apart', () => {
    it('the cookies and pages of tenants, agents and users', async () => {
      const tenantId = newId()
      const agentId = 'agent'
      const mine = all.of({ tenantId, agentId })
      await mine.run('open', { targetUrl: at('/') })
      await mine.says(`() => { document.cookie = 'who=ann; max-age=9999'; localStorage.setItem('who', 'ann') }`)
      const kept = '() => document.cookie + localStorage.getItem("who")'
      for (const other of [all.of(), all.of({ tenantId, userId: 'bob', agentId }), all.of({ tenantId })]) {
        expect((await other.run('tabs')).output).toBe('no page is open')
        expect(await other.refusal('snapshot', { targetId: 't1' })).toBe('there is no page t1')
        await other.run('open', { targetUrl: at('/') })
        expect(await other.says(kept)).toBe('"null"')
        await other.run('stop')
      }
      expect(await mine.says(kept)).toBe('"who=annann"')
      // With the pages the cookies are gone.
      await mine.run('stop')
      await mine.run('open', { targetUrl: at('/') })
      expect(await mine.says(kept)).toBe('"null"')
    })
  })

  describe('over a WebSocket', () => {
    interface Shot {
      mimeType: string
      data: string
    }
    interface Taken {
      snapshot: string
      refs: Record<string, object>
      targetId: string
    }
    const act = (of: ReturnType<typeof all.of>, request: object) =>
      of.ask<{ result?: string }>('browser.act', { request })

    rule('browser.act.opensAPage', async () => {
      const ann = all.of({ userId: newId() })
      await expect(ann.ask('browser.screenshot', {})).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
      expect(await act(ann, { kind: 'navigate', url: at('/') })).toEqual({ ok: true })
      const shot = await ann.ask<Shot>('browser.screenshot', {})
      expect([shot.mimeType, Buffer.from(shot.data, 'base64').subarray(1, 4).toString()]).toEqual(['image/png', 'PNG'])
    })

    rule('browser.snapshot.namesElements', async () => {
      const ann = all.of({ userId: newId() })
      await act(ann, { kind: 'navigate', url: at('/') })
      const { snapshot, refs } = await ann.ask<Taken>('browser.snapshot', {})
      expect([snapshot.includes('[ref=e1]'), refs['e1']]).toEqual([true, { role: 'link', name: 'Next page' }])
      await act(ann, { kind: 'click', ref: 'e1' })
      await expect(act(ann, { kind: 'click', ref: 'e1' })).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
      expect((await act(ann, { kind: 'evaluate', fn: 'document.title' })).result).toBe('"Next"')
    })

    rule('browser.act.reachesPublicAddresses', async () => {
      const ann = all.of({ userId: newId() })
      const url = `http://127.0.0.1:${insidePort}/`
      await expect(act(ann, { kind: 'navigate', url })).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
      await act(ann, { kind: 'navigate', url: at('/') })
      const { result } = await act(ann, {
        kind: 'evaluate',
        fn: `fetch('${url}').then(() => 'there', () => 'not there')`,
      })
      expect([result, reached]).toEqual(['"not there"', []])
    })

    rule('browser.act.seesOwnPages', async () => {
      const tenantId = newId()
      const [ann, bob] = [all.of({ tenantId }), all.of({ tenantId, userId: 'bob' })]
      await ann.run('open', { targetUrl: at('/') })
      const { targetId } = await ann.ask<Taken>('browser.snapshot', {})
      for (const other of [bob, all.of()])
        await expect(other.ask('browser.snapshot', { targetId })).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
      expect(await act(ann, { kind: 'evaluate', fn: 'document.title' })).toEqual({ ok: true, result: '"Start"' })
    })
  })

  describe('goes on', () => {
    it('after a browser was killed in the middle: the call says so, the next one starts it anew', async () => {
      const { run, refusal, tenantId } = all.of({ tenantId: newId() })
      const before = new Set(running())
      await run('open', { targetUrl: at('/') })
      const waiting = refusal('act', { request: { kind: 'evaluate', fn: '() => new Promise(() => {})' } })
      for (const pid of running().filter((each) => !before.has(each))) process.kill(pid, 'SIGKILL')
      expect(await waiting).toBe(
        'the browser has ended: its program is gone. Its pages are gone; the next call starts it anew',
      )
      expect(all.browsers.isRunning(tenantId)).toBe(false)
      expect((await run('open', { targetUrl: at('/next') })).metadata).toMatchObject({ title: 'Next' })
    })

    it('beside pages that loop for ever', async () => {
      const mine = all.of({ tenantId: newId() })
      const bystander = all.of()
      await bystander.run('open', { targetUrl: at('/', 'other.example') })
      await mine.run('open', { targetUrl: at('/', 'other.example') })
      const looping = mine.refusal('open', { targetUrl: at('/loop'), timeoutMs: 1_500 })
      expect(await bystander.says('document.title')).toBe('"Start"')
      expect(await looping).toMatch(/did not answer within 2 seconds, and was closed/)
      expect(await mine.says('document.title')).toBe('"Start"')
      expect(
        await mine.refusal('act', { request: { kind: 'evaluate', fn: '() => { for (;;); }' }, timeoutMs: 500 }),
      ).toMatch(/did not end/)
      await mine.run('open', { targetUrl: at('/') })
      expect(await mine.says('document.title')).toBe('"Start"')
    })

    it('beside pages that take memory without bound', async () => {
      const small = start({ memoryBytes: 1_500 * 1024 * 1024 })
      try {
        const bystander = all.of()
        await bystander.run('open', { targetUrl: at('/') })
        const greedy = small.of()
        await greedy.run('open', { targetUrl: at('/') })
        const fn =
          '() => { const all = []; const more = () => { all.push(new Uint8Array(2e7).fill(1)); setTimeout(more) }; more(); return new Promise(() => {}) }'
        expect(await greedy.refusal('act', { request: { kind: 'evaluate', fn } })).toMatch(
          /more memory than it may|gone/,
        )
        expect(await bystander.says('document.title')).toBe('"Start"')
        expect((await greedy.run('open', { targetUrl: at('/next') })).metadata).toMatchObject({ title: 'Next' })
      } finally {
        await small.browsers.closeAll()
      }
    })

    it('without the page of a call that is cancelled', async () => {
      const { port, tenantId, context } = all.of()
      const leaving = new AbortController()
      await port.open(at('/'), { signal: leaving.signal })
      const waiting = port.act(undefined, { kind: 'wait', text: 'never' }, { signal: leaving.signal })
      leaving.abort(new Error('cancelled'))
      await expect(waiting).rejects.toThrow('cancelled')
      await eventually(
        'the page to be gone',
        () => all.browsers.pages(tenantId, ({ agentId: of }) => of === context.agent!.id).length === 0,
      )
    })

    it('without browsers that nobody uses', async () => {
      const idle = start({ idleMs: 2_000, most: 1 })
      try {
        const before = running()
        const { run, tenantId } = idle.of()
        await run('open', { targetUrl: at('/') })
        await expect(idle.of({ tenantId: newId() }).run('open', { targetUrl: at('/') })).rejects.toThrow(
          'too many browsers',
        )
        await eventually('the browser to be closed', () => !idle.browsers.isRunning(tenantId))
        await eventually('its program to be gone', () => running().length === before.length)
      } finally {
        await idle.browsers.closeAll()
      }
    })

    it('elsewhere, where the requests of its pages come back to be guarded', async () => {
      const profile = await mkdtemp(join(tmpdir(), 'browser-'))
      const flags = [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--remote-debugging-port=0',
        `--user-data-dir=${profile}`,
      ]
      const child = await startChild({
        ...{ command: program!, args: flags, cwd: profile, env: { HOME: profile } },
        limits: { timeoutMs: 0, processes: 2_000, memoryBytes: 8e9 },
      })
      const url = await new Promise<URL>((done) => {
        let said = ''
        child.stderr.on('data', (chunk: Buffer) => {
          said += chunk.toString()
          const found = /listening on (ws:[^\s]+)/.exec(said)
          if (found) done(new URL(found[1]!))
        })
      })
      const proxy = { host: '127.0.0.1', port: 0 }
      const web = new URL(`http://${url.host}`)
      const far = start({ place: () => ({ kind: 'remote', url: web, proxy }) })
      try {
        const [mine, theirs] = [far.of({ tenantId: newId() }), far.of({ tenantId: newId() })]
        await mine.run('open', { targetUrl: at('/') })
        await mine.says(`() => { document.cookie = 'who=ann' }`)
        await theirs.run('open', { targetUrl: at('/') })
        expect([await mine.says('document.cookie'), await theirs.says('document.cookie')]).toEqual(['"who=ann"', '""'])
        const fetched = `fetch('http://127.0.0.1:${insidePort}/').then(() => 'there', () => 'not there')`
        expect([await mine.says(fetched), reached]).toEqual(['"not there"', []])
        await mine.run('stop')
        expect(await theirs.says('document.title')).toBe('"Start"')
      } finally {
        await far.browsers.closeAll()
        await child.kill()
        await rm(profile, { recursive: true, force: true, maxRetries: 3 })
      }
    })

    it('on the machine itself, where its operator wants that', async () => {
      const host = start({ place: () => place(false) })
      try {
        const { run, says, refusal } = host.of()
        expect((await run('open', { targetUrl: at('/') })).metadata).toMatchObject({ title: 'Start' })
        const url = `http://127.0.0.1:${insidePort}/`
        expect(await says(`() => fetch('${url}').then(() => 'there', () => 'not there')`)).toBe('"not there"')
        expect(await refusal('open', { targetUrl: at(`/to?url=${url}`) })).toContain('address not allowed')
        expect(reached).toEqual([])
      } finally {
        await host.browsers.closeAll()
      }
    })
  })
})
