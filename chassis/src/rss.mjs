const m=process.argv[2]; const r=()=>Math.round(process.memoryUsage().rss/1048576)
const a=r(); const t=performance.now(); if(m!=='none') await import(m); const d=performance.now()-t; await new Promise(s=>setTimeout(s,300)); console.log(m, a, '->', r(), Math.round(d)+'ms', Object.entries(process.memoryUsage()).map(([k,v])=>k+' '+Math.round(v/1048576)).join(' '))
