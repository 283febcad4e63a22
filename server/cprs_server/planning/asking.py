"""Whether a sentence asks for something, and what kind of thing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Task = Literal["question", "overview", "whole"]
"""What an answer needs: some facts ("question"), a bit of everything ("overview": summaries), or
every word ("whole": translations, corrections)."""

_LABELS = (
    r"(?:(?:the|my|user(?:'s)?|your|final|here is (?:the|my))[ \t]+)?"
    r"(?:questions?|q|query|user query|task|instructions?|request|prompt|"
    r"问题|提问|任务|指令|要求|問題|質問|指示|질문|pregunta|frage|aufgabe|tâche|domanda|вопрос|задание)"
    r"[ \t]{0,9}\d{0,3}[ \t]{0,9}"
)
QUESTION_LABEL = re.compile(
    rf"^[ \t>*#_-]{{0,20}}{_LABELS}[*_]{{0,4}}[ \t]{{0,9}}[:：][*_]{{0,4}}"
    rf"|^[ \t]{{0,9}}(?:#{{1,6}}[ \t]{{0,9}}|\*\*|__){_LABELS}[#*_ \t]{{0,9}}$"
    rf"|^[ \t]{{0,9}}{_LABELS}\n[-=]{{3,}}$",
    re.IGNORECASE | re.MULTILINE,
)
# The place for the answer, and how it should be given: part of the asking, but no question.
CUE = re.compile(
    r"^[\s>*#_-]{0,20}(?:(?:final|short|helpful|your|the)\s+)*(?:answer|a|response|reply|output|"
    r"assistant|ai|"
    r"summary|translation|solution|result|tl;?dr|答案|回答|答|总结|摘要|翻译|답변|답|respuesta|antwort|"
    r"réponse|risposta|"
    r"ответ)(?:\s{0,9}\([^()\n]{1,60}\))?\s{0,9}[*_]{0,4}\s{0,9}[:：]?[\s*_]{0,9}(?:json)?\Z"
    r"|^(?:</?[\w.-]{1,40}>\s{0,9}){1,4}\Z"
    r"|^[\s>*#_-]{0,20}(?:let'?s think step by step|think step by step|be (?:concise|brief|"
    r"specific)|"
    r"thanks?(?: you)?(?: in advance)?|thx|cheers|谢谢|no explanations?|"
    r"(?:only|just) (?:the )?(?:answer|json|number|name)|"
    r"(?:please )?(?:(?:answer|reply|respond)(?! the| this| these| my)|output|return (?:only|json|"
    r"the answer)|"
    r"(?:use|give|write|keep) (?:only|just|your|bullets?|markdown|json|at most|no more|it|short|"
    r"an? (?:short|brief|one|single|concise))|cite (?:your|the|sources?)|quote (?:your|the source)|"
    r"format (?:your|the)|do not|don'?t|if (?:the answer|you|there)|make sure|limit|"
    r"explain your)\b[^\n]{0,300})[\s.!]{0,9}\Z",
    re.IGNORECASE,
)
# What leads over to a document, or says who the model is to be.
LEAD = re.compile(
    r"(?:[:：]|以下|如下|下面)[^\S\n]{0,9}[*_]{0,4}\Z"
    r"|\A[\s>*#_-]{0,20}(?:(?:here(?:'s| is| are)|below|attached|the following|see|i(?:'ve|"
    r" have) (?:pasted|"
    r"attached|copied))\b[^\n]{0,200}\Z|you are|you'?re|act as|your (?:job|role)|as an?\b|i am|"
    r"i'?m\b|"
    r"i have|i'?ve|i need|hi\b|hello|hey\b|dear|good (?:morning|afternoon|evening)|你是|你好|您好)",
    re.IGNORECASE,
)

_POLITE = (
    r"(?:(?:please|kindly|now|then|first|finally|also|so|ok(?:ay)?|and|hi|hello|hey|thanks?|"
    r"can|could|would|will|you|i(?:'d| would) like(?: you)? to|i want(?: you)? to|"
    r"i need(?: you)? to|"
    r"help me(?: to)?|your (?:task|job|goal) is to|let'?s|be sure to|go ahead and|"
    r"based on [^,\n]{3,80},|using [^,\n]{3,80},|from [^,\n]{3,80},|given [^,\n]{3,80},|"
    r"in [^,\n]{3,60},|for [^,\n]{3,60},|according to [^,\n]{3,80},|"
    r"after reading [^,\n]{3,60},|with [^,\n]{3,60},)[\s,!.:;-]{1,9}){0,6}"
)
_START = r"\A[\s>*#_\"'“‘\d.)(-]{0,12}"


def _begins(words: str) -> re.Pattern[str]:
    return re.compile(_START + _POLITE + rf"(?:{words})", re.IGNORECASE)


_WHOLE = re.compile(
    _START + _POLITE + r"(?:(?:translate|proof-?read|copy-?edit|rewrite|re-?phrase|paraphrase|"
    r"re-?format|transcribe|transliterate|spell-?check|continue|complete|edit|correct|polish|"
    r"anonymi[sz]e|redact|(?:fix|improve|check|correct) (?:the |all |any )?(?:grammar|spelling|"
    r"typos|"
    r"punctuation|style|english|wording)|"
    r"convert\b.{0,60}\b(?:to|into)|turn\b.{0,60}\binto|port\b.{0,60}\bto|refactor|"
    r"repeat|echo|count (?:the |all |how many )?(?:the )?(?:words|characters|lines|letters|"
    r"sentences)|"
    r"(?:traduis|traduisez|traduire|traduce|traduzca|traducir|traduci|traduza|übersetze?n?|"
    r"переведи(?:те)?))\b"
    r"|(?:请|帮我|请你|麻烦|把|将|请把|请将)*[^。？\n]{0,20}(?:翻译|译成|改写|润色|校对|续写)|.{0,40}翻訳して|.{0,40}번역)",
    re.IGNORECASE | re.DOTALL,
)
# "Translate your answer": of what will be said, not of what is given.
_OF_ANSWER = re.compile(
    r"\b(?:your|the) (?:answers?|reply|response|results?|output|findings|summary)\b"
    r"|\b(?:translate|rewrite|convert|turn|correct|repeat) (?:it|them|that) \b",
    re.IGNORECASE,
)
_OVERVIEW = re.compile(
    _START + _POLITE + r"(?:(?:summari[sz]e|sum up|recap|outline|condense|shorten|abridge|"
    r"tl;?dr|classify|categori[sz]e|review|critique|grade|rate|evaluate|proof|"
    r"(?:give|write|provide|produce|create|generate|draft|make|prepare|need|do)(?: me| us)?"
    r"(?: an?| the| some)?(?:[ -][\w-]+){0,4}[ -](?:summary|overview|abstract|outline|recap|"
    r"synopsis|"
    r"digest|tl;?dr|title|headline|gist|review|table of contents|minutes|key points|main points|"
    r"takeaways)|"
    r"what(?:'s| is| are) (?:(?:this|the) (?:\w+ )?about|the (?:main|key|central|overall) "
    r"(?:ideas?|points?|themes?|topics?|takeaways?|message|gist|sentiment))|"
    r"(?:résume[zr]?|resume|resuma|resumir|riassumi|fasse?n? .{0,80}zusammen|zusammenfassen|"
    r"подведи итог|кратко изложи|сделай краткое))\b"
    r"|(?:请|帮我|请你|麻烦)*[^。？\n]{0,16}(?:总结|概括|概述|归纳|摘要|要点)|.{0,40}要約して|.{0,40}요약)",
    re.IGNORECASE | re.DOTALL,
)
# A summary of what a text says about something asks for that something.
_NARROW = re.compile(
    r"\b(?:what|how|why|who|when|where|whether)\b"
    r"|\b(?:everything|anything|all|parts?|passages?|sections?|points?|discussions?|findings?|"
    r"arguments?|comments?|statements?|views?|says?|said|mentions?)\b.{0,40}"
    r"\b(?:about|on|regarding|concerning|related to|relating to)\b"
    r"|\bfocus(?:ing|ed)? on\b|\bwith respect to\b|关于|有关",
    re.IGNORECASE,
)
_ORDER = _begins(
    r"(?:find|list|extract|identify|explain|describe|tell|show|compare|contrast|name|determine|"
    r"calculate|compute|count|estimate|locate|search|look|check|verify|decide|answer|state|give|"
    r"provide|write|draft|discuss|analy[sz]e|assess|highlight|quote|cite|point out|pick|choose|"
    r"select|return (?:the|a|an|all|only|every|each)|output|report|fix|debug|implement|add|"
    r"propose|suggest|recommend|trace|"
    r"infer|read|use|respond|generate|create|make|get|retrieve|fill|rank|sort|group|map|"
    r"trouve[zr]?|liste[zr]?|explique[zr]?|indique[zr]?|donne[zr]?|nenne|finde|erkläre|"
    r"beantworte|liste|encuentra|explica|enumera|indica|найди(?:те)?|объясни(?:те)?|"
    r"перечисли(?:те)?)\b"
    r"|(?:请|帮我|列出|找出|说明|解释|回答|根据|告诉|分析|比较|指出)"
)
_WH = _begins(
    r"(?:who|whom|whose|what|when|where|which|why|how|is|are|was|were|do|does|did|has|have|had|"
    r"can|could|should|would|will|may|am|isn'?t|aren'?t|doesn'?t|didn'?t|qui|que|quoi|"
    r"quel(?:le)?s?|"
    r"quand|où|pourquoi|comment|combien|est-ce|wer|was|wann|wo|warum|wie|welche[rs]?|quién|qué|"
    r"cuándo|dónde|cuál(?:es)?|cómo|cuánt[oa]s?|chi|cosa|quando|dove|perché|кто|что|когда|где|"
    r"почему|"
    r"как(?:ой|ая|ие)?|сколько)\b"
)
_REFERS = re.compile(
    r"\b(?:above|below|following|attached|provided|given|preceding|aforementioned)\b"
    r"|\b(?:according to|based on|from|in|using|read|of|about) (?:the|this|these|that|my|our|"
    r"your)\s+"
    r"(?:\w+\s+){0,2}(?:text|documents?|context|passages?|article|report|log|logs|file|code|"
    r"transcript|"
    r"e-?mails?|paper|contract|story|book|chapter|data|table|page|sources?|notes|meeting|thread|"
    r"conversation|agreement|manual|module|function|records?|json|csv|dataset)\b"
    r"|上述|上面|以上|以下|下面|文中|本文|根据|这篇|这份|该文",
    re.IGNORECASE,
)
# A question mark at the end, also before a last remark in brackets: "... paid? (in USD)".
MARK = re.compile(r"[?？؟]['\"”’)\]*_\s]{0,9}(?:\([^()]{1,80}\)[\s.]{0,9})?\Z")
_CJK_ASKS = re.compile(
    r"(?:什么|谁|多少|哪|如何|为什么|怎么|是否|何时|几|吗|か|何|誰|무엇|누구|언제)"
)


# "Use the context below to answer the question at the end." says that there is a question.
_META = re.compile(
    r"\b(?:answer|respond to|reply to|address|use|read|given|refer)\b[^?？]{0,160}"
    r"\b(?:questions?|query|queries|task|instructions?)\b|回答(?:以下|下面|下列|后面的?)?问题",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Sense:
    """How surely a sentence asks, and for what: 0 not at all, 1 it may, 2 it orders something, 3 it
    is a question or a task for a model, 4 it speaks of a text that is given."""

    score: int
    task: Task = "question"


NOTHING = Sense(0)


def sense(sentence: str) -> Sense:
    """What one sentence asks for.

    >>> sense("Please translate the following into French:").task
    'whole'
    >>> sense("The meeting was chaired by Ann.").score
    0
    """
    words = sentence.strip()
    if not words or len(words) > 2_000 or CUE.match(words):
        return NOTHING
    head = words[:400]
    refers = bool(_REFERS.search(words))
    if _META.search(words) and not MARK.search(words):
        return Sense(1)
    if _WHOLE.match(head):
        return Sense(2) if _OF_ANSWER.search(words) else Sense(4 if refers else 3, "whole")
    if _OVERVIEW.match(head):
        task: Task = "question" if _NARROW.search(words[10:]) else "overview"
        return Sense(4 if refers else 3, task)
    marked = bool(MARK.search(words))
    if marked and (_WH.match(head) or _CJK_ASKS.search(words)):
        return Sense(4 if refers else 3)
    if _ORDER.match(head):
        return Sense(4 if refers else 2)
    if _WH.match(head) and words[-1] not in ".!。！:：;,":
        return Sense(3 if refers else 1)
    return Sense(4 if marked and refers else int(marked))
