// Scrolls and sorts the run table, and tells how long the frames took: the gaps between the callbacks of
// requestAnimationFrame, in milliseconds, by what was done meanwhile.
const done = arguments[arguments.length - 1];
const table = document.querySelector('.table[aria-label="Runs"]');
const gaps = [];
let last = 0;
let running = true;
const frame = (time) => {
  if (last > 0) gaps.push(time - last);
  last = time;
  if (running) requestAnimationFrame(frame);
};
const next = () => new Promise((resolve) => requestAnimationFrame(resolve));
const frames = async (count) => { for (let at = 0; at < count; at++) await next(); };
// The rows that the scroll bar stands at are in the document, and each of them has come.
const isWhole = () => {
  const first = table.querySelector(`tbody tr[aria-rowindex="${Math.floor(table.scrollTop / 28) + 2}"]`);
  return first && table.querySelectorAll('tbody tr[role=row]').length > 5 && !table.querySelector('.waits');
};
const whole = async () => {
  const until = performance.now() + 60000;
  await frames(2);
  while (!isWhole()) {
    if (performance.now() > until) throw new Error(`the rows did not come within 60 s: ${doing}`);
    await next();
  }
};
const told = [];
let doing = 'the first rows';
const measured = async (what, work) => {
  await whole();
  doing = what;
  await frames(10);
  gaps.length = 0;
  last = 0;
  await next();
  const begun = performance.now();
  await work();
  await frames(3);
  const sorted = [...gaps].sort((left, right) => left - right);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  told.push({ what, worst: at(1), p99: at(0.99), median: at(0.5), frames: sorted.length, seconds: (performance.now() - begun) / 1000 });
};
(async () => {
  requestAnimationFrame(frame);
  const end = table.scrollHeight - table.clientHeight;
  // The same in each run: a fixed row of numbers between 0 and 1.
  let state = 7;
  const chance = () => (state = (state * 16807) % 2147483647) / 2147483647;
  await measured('scroll by the wheel', async () => {
    for (let at = 0; at < 300; at++) { table.scrollTop += 120; await next(); }
    await whole();
  });
  await measured('scroll page by page', async () => {
    for (let at = 0; at < 60; at++) { table.scrollTop += table.clientHeight; await frames(4); }
    await whole();
  });
  await measured('draw the scroll bar', async () => {
    for (let at = 0; at < 120; at++) { table.scrollTop = Math.floor(chance() * end); await frames(2); }
    await whole();
  });
  await measured('jump to the end and back', async () => {
    for (let at = 0; at < 6; at++) { table.scrollTop = at % 2 ? 0 : end; await whole(); }
  });
  const heads = [...table.querySelectorAll('th button.sort')].map((head) => head.textContent.trim());
  const press = async (name, shift) => {
    const head = [...table.querySelectorAll('th button.sort')].find((own) => own.textContent.trim().startsWith(name));
    head.dispatchEvent(new MouseEvent('click', { bubbles: true, shiftKey: shift }));
    await whole();
  };
  await measured('sort by each column, both ways', async () => {
    for (const name of heads) { await press(name, false); await press(name, false); }
  });
  await measured('sort by three columns', async () => {
    await press(heads[1], false);
    for (const name of heads.slice(2, 4)) await press(name, true);
  });
  running = false;
  done({ told });
})().catch((error) => { running = false; done({ failed: String(error) }); });
