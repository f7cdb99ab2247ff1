import { versionIn } from '../src/runtimes/use-cases.ts'
import { namesIn } from '../src/machine/persisted.ts'
import { apkVersions, dpkgVersions } from '../src/packages/system.ts'

describe('the version in what a program prints', () => {
  it.each([
    ['Python 3.12.3\n', 'Python 3.12.3'],
    ['pip 24.0 from /usr/lib/python3/dist-packages/pip (python 3.12)\n', 'pip 24.0'],
    ['v24.21.0\r\nmore\n', 'v24.21.0'],
    ['', undefined],
    ['no digits here', undefined],
    ['1.0\u0000\u0001', undefined],
    [`${'9'.repeat(101)}`, undefined],
  ])('%j is %j', (printed, version) => {
    expect(versionIn(printed)).toBe(version)
  })
})

describe('the names in a persist file', () => {
  it('are in order, each once, without what no package can be called', () => {
    expect(namesIn('jq\r\n\n  curl \njq\n--root=/\n$(id)\ng++\na b\n../x\n')).toEqual(['jq', 'curl', 'g++'])
  })
})

describe('versions of system packages', () => {
  it('are read from apk', () => {
    const printed =
      'WARNING: opening cache\nmusl-1.2.5-r9\npy3-pip-24.0-r2 - The installer\nlibstdc++-13.2.1_git20240309-r0\n'
    expect([...apkVersions(printed)]).toEqual([
      ['musl', '1.2.5-r9'],
      ['py3-pip', '24.0-r2'],
      ['libstdc++', '13.2.1_git20240309-r0'],
    ])
  })

  it('are read from dpkg, where removed packages do not count', () => {
    const printed = 'jq\t1.7.1-3build1\tinstalled\ncurl\t8.5.0\tconfig-files\nnone\t\tnot-installed\ngarbage\n'
    expect([...dpkgVersions(printed)]).toEqual([['jq', '1.7.1-3build1']])
  })
})
