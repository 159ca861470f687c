// Looks again every ten seconds, in place: not while somebody reads on (`data-shown` is what the page opens itself), nor
// where nothing is new.
let last = ""
setInterval(async () => {
  if (document.hidden || document.querySelector("details[open]:not([data-shown])")) return
  const answer = await fetch(location.href)
  if (!answer.ok) return
  const next = new DOMParser().parseFromString(await answer.text(), "text/html").body
  const content = next.querySelector("main").innerHTML
  if (content !== last) document.body.innerHTML = next.innerHTML
  last = content
}, 10000)
