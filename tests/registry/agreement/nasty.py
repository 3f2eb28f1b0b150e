"""Which values are the ones that readers disagree about? Lists shared by corpus, generator and mutator.

Texts here are contents of elements as they stand in the file: references and markup are written out.
"""

from __future__ import annotations

from typing import Final

#: What is almost a number, and numbers at the edge of what a column holds.
NUMBERS: Final = (
    "0", "-0", "-0.00", "0.00", "00.10", "0001", "0000000000000000000000000000000000000001", "-1", "+1", "--1", "-", "+", ".",
    "-.5", "1.", ".5", "0.5", "1.0", "1.00", "1.000", "1.005", "1.10000", "1.1.1", "1..1", "1,5", "1 000", "1_000", "1e5",
    "1E5", "0x10", "99999999999999999", "999999999999999999", "9999999999999999999", "9223372036854775807",
    "9223372036854775808", "-9223372036854775808", "18446744073709551616", "92233720368547758.07", "92233720368547758.08",
    "9999999999999.99", "99999999999999.99", "999999999999999.99", "12345678901234567", "123456789012345678",
    "12345678901234567890123456789012345678901", "0.1234567890123456789", "123456789012345.67", "1234567890123456.78", " 1",
    "1 ", "\t1", "1\n", "\n1\n", "1&#10;", "&#49;", "&#x31;", "&#x31;00.&#48;0", "1<!-- c -->", "<![CDATA[1]]>", "\u0661\u0662",
    "\uff11\uff12", "\u00b2", "\u0967", "\u22121", "NaN", "inf", "-inf", "null", "None", "true", "1;", "1/2", "1'", "0-1", "1-",
    "1.5-", "½", "1\u00a0", "\u00a01", "\u20031", "1 2",
)  # fmt: skip

#: What is almost a date.
DATES: Final = (
    "0000-00-00", "0000-01-01", "0001-01-01", "0999-12-31", "1000-01-01", "1582-10-10", "1899-12-31", "1900-02-29",
    "1900-02-28", "1970-01-01", "1969-12-31", "2000-02-29", "2022-02-29", "2024-02-29", "2100-02-29", "2022-02-30",
    "2022-04-31", "2022-00-10", "2022-13-01", "2022-01-00", "2022-01-32", "9999-12-31", "10000-01-01", "2022-2-3", "22-02-03",
    "2022-02-3", "2022/02/03", "03.02.2022", "20220203", "2022-02-03T00:00:00", "2022-02-03 10:11:12", "2022-02-03Z",
    "2022-02-03+03:00", " 2022-02-03", "2022-02-03 ", "2022-02-03\n", "\t2022-02-03", "-2022-02-03", "+2022-02-03",
    "2022--2-03", "2022-02-", "2022-02", "2022", "\u0662022-02-03", "２022-02-03", "2022\u201302\u201303", "2022-02-0a",
    "2022-O2-03", "&#50;022-02-03", "2022<!-- -->-02-03", "<![CDATA[2022-02-03]]>", "today", "99999999-99-99", "2022-02-031",
    "2022 02 03", "2022-02-03\u00a0",
)  # fmt: skip

#: Texts: references, blanks of every kind, letters outside windows-1251, markup that is none.
TEXTS: Final = (
    "", " ", "\n", "\t", "\r\n", "   \n\t  ", "\u00a0", "\u00a0\u00a0", "\u2003", "\u3000", "\u0085", "\u2028", "\u200b",
    "\ufeff", "\u1680", "&#32;", "&#9;", "&#10;", "&#13;", "&#160;", "&#xA0;", "&#x2003;", "&#x85;", "&#133;", "&#152;",
    "&#x98;", " a", "a ", "\ta\t", "\na\n", "a\nb", "a\r\nb", "a\rb", "a&#13;b", "a&#13;&#10;b", "&amp;", "&lt;", "&gt;",
    "&quot;", "&apos;", "&amp;amp;", "&amp;lt;b&amp;gt;", "&#38;", "&#60;", "&#x3C;", "&#62;", "&#34;", "&#39;", "&lt;/ZAP&gt;",
    "&quot;Ромашка&quot;", "ООО &quot;А&amp;Б&quot;", "a>b", ">", ">>>", "]]", "]]]", "] ]>", "]]&gt;", "\"'\"", "&#x410;",
    "&#1040;&#1073;", "&#x1F600;", "&#128512;", "&#x10FFFF;", "&#xFFFD;", "&#xD7FF;", "&#xE000;", "&#x20AC;", "&#0000000065;",
    "&#x0041;", "€", "ÿ", "Ç", "日本", "😀", "е\u0301", "Ё", "ё", "№", "–", "—", "«»", "\u00ad", "\x7f", "\u0080", "\u009f",
    "&#127;", "&#128;", "=", "=1+1", "+7 900", "-1", "@a", "null", "NULL", "None", "\\", "\\n", "%s", "{0}", "';--", "--",
    "-->", "?>", "/>", "/", "a" * 12, "a" * 13, "a" * 15, "a" * 16, "a" * 17, "a" * 31, "a" * 32, "a" * 33, "a" * 63, "a" * 64,
    "a" * 65, "Ж" * 12, "Ж" * 13, "Ж" * 16, "Ж" * 31, "Ж" * 32, "Ж" * 33, "Ж" * 64, "Ж" * 65, "a" * 15 + "&amp;",
    "a" * 31 + "&quot;", "&amp;" * 16, "a" * 11 + "&lt;", "a" * 300, "Ж" * 300, "&quot;" * 300,
)  # fmt: skip

#: Contents that belong to the slow path or break the file.
MARKUP: Final = (
    "<![CDATA[]]>", "<![CDATA[a]]>", "a<![CDATA[b]]>c", "<![CDATA[</ZAP>]]>", "<![CDATA[</PERS>]]>", "<![CDATA[<ZAP>]]>",
    "<![CDATA[]]]]>", "<![CDATA[]]]]><![CDATA[>]]>", "<![CDATA[a]]><![CDATA[b]]>", "<![CDATA[&amp;]]>", "<![CDATA[&foo;]]>",
    "<![CDATA[ ]]>", "<![CDATA[<!DOCTYPE a>]]>", "<![CDATA[<!-- ]]>", "<![cdata[a]]>", "<![CDATA[a]]", "<![CDATA [a]]>",
    "<!---->", "<!-- -->", "<!-- a -->", "a<!-- b -->c", "<!-- </ZAP> -->", "<!-- <ZAP> -->", "<!-- </PERS> -->", "<!-- -- -->",
    "<!-- a --->", "<!--->", "<!-- <![CDATA[ -->", "<!-- ]]> -->", "<!-- &foo; -->", "<!-- & -->", "<!- a -->", "<!DOCTYPE a>",
    "<!ENTITY a 'b'>", "<?a?>", "<?a b?>", "<?a </ZAP> ?>", "<?a ?> ?>", "<?xml version='1.0'?>", "<?XML a?>", "<??>", "<? a?>",
    "<b/>", "<b>a</b>", "a<b/>c", "<b><c>d</c></b>", "<b></b>", "<b", "b>", "</b>", "</", "<", "a<b", "&", "a & b", "&a", "&;",
    "&amp", "&amp ;", "& amp;", "&AMP;", "&foo;", "&nbsp;", "&laquo;", "&#;", "&#x;", "&#xG;", "&#a;", "&#0;", "&#x0;", "&#1;",
    "&#8;", "&#11;", "&#31;", "&#55296;", "&#xD800;", "&#xDFFF;", "&#xFFFE;", "&#65535;", "&#x110000;",
    "&#99999999999999999999;", "&#-1;", "&# 65;", "&#65 ;", "&#X41;", "&#x41", "]]>", "a]]>b", "]]]>", "]]>]]>",
)  # fmt: skip

#: Bytes that are no letters of one encoding or of both.
BYTES: Final = (
    b"\x00", b"\x01", b"\x08", b"\x0b", b"\x0c", b"\x1b", b"\x1f", b"\x7f", b"\x80", b"\x85", b"\x98", b"\xa0", b"\xad",
    b"\xb8", b"\xc0", b"\xc0\xaf", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\xaf", b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xed\xbf\xbf",
    b"\xed\xa0\xbd\xed\xb8\x80", b"\xef\xbf\xbe", b"\xef\xbf\xbf", b"\xef\xbb\xbf", b"\xf0\x8f\xbf\xbf", b"\xf0\x9f\x98\x80",
    b"\xf4\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfe", b"\xff", b"\xd0",
    b"\xd0\x96", b"\xd0\x96\xd0", b"\xc2\xa0", b"\xe2\x80\xa8", b"\xc2\x85", b"\xd0<", b"\xe2\x82", b"\xf0\x9f\x98",
)  # fmt: skip

#: Attributes, as they stand behind the name of a tag; the first PROPER of them leave the file well-formed.
PROPER: Final = 20
ATTRIBUTES: Final = (
    ' a="1"', " a='1'", ' a="1" b="2"', ' a = "1"', '\na="1"', ' a=">"', ' a="/>"', ' a="&lt;"', ' a="&quot;"', ' a="\'"',
    ' a=""', ' xml:space="preserve"', ' xml:lang="ru"', ' xmlns="u"', ' xmlns:p="u"', ' xmlns:p="u" p:a="1"', ' xmlns=""',
    ' xmlns="urn:a"', ' Б="1"', ' a="Б"', " a=1", " a", ' a="1" a="1"', ' a="<"', ' a="</ZAP>"', " a='</PERS>'", ' a="&"',
    ' a="1"b="2"', ' p:a="1"', ' a="1', ' xmlns:p=""', ' 1="1"', ' ="1"', ' xmlns:xml="u"', ' xsi:nil="true"',
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"', " ", "  ", "\n", "\t", "\r\n", " /", "\u00a0",
)  # fmt: skip

#: Names that no edition knows, at the lengths and with the letters where a table of names may fail.
NAMES: Final = (
    "X", "XX", "ZAP1", "ZA", "ZAPP", "zap", "Zap", "PER", "PERSS", "pers", "Z_SL_", "Z_S", "SLL", "US", "USLL", "_", "_A",
    "A-B", "A.B", "N_ZAPN_ZAP", "A" * 15, "A" * 16, "A" * 17, "A" * 31, "A" * 32, "A" * 33, "A" * 40, "A" * 64, "A" * 255,
    "A" * 256, "A" * 300, "Б", "БАВ", "ЗАП", "Я1", "a:b", ":a", "1A", "-A", ".A", "A B", "A\u00b7", "é", "xml", "XMLA",
    "A\u00a0",
)  # fmt: skip

#: XML declarations: of both encodings, of others, wrong ones, none.
DECLARATIONS: Final = (
    '<?xml version="1.0" encoding="windows-1251"?>', '<?xml version="1.0" encoding="WINDOWS-1251"?>',
    '<?xml version="1.0" encoding="Windows-1251"?>', "<?xml version='1.0' encoding='windows-1251'?>",
    '<?xml version="1.0" encoding="cp1251"?>', '<?xml version="1.0" encoding="CP1251"?>',
    '<?xml version="1.0" encoding="win-1251"?>', '<?xml version="1.0" encoding="windows1251"?>',
    '<?xml version="1.0" encoding="1251"?>', '<?xml version="1.0" encoding="UTF-8"?>', '<?xml version="1.0" encoding="utf-8"?>',
    '<?xml version="1.0" encoding="UTF8"?>', '<?xml version="1.0" encoding="utf8"?>',
    "<?xml version='1.0' encoding='UTF-8' standalone='yes'?>", '<?xml version="1.0" encoding="windows-1251" standalone="yes"?>',
    '<?xml version="1.0" encoding="windows-1251" standalone="no" ?>',
    '<?xml version="1.0" standalone="yes" encoding="windows-1251"?>',
    '<?xml version="1.0" encoding="windows-1251" standalone="maybe"?>',
    '<?xml  version = "1.0"   encoding = "windows-1251"  ?>', '<?xml\nversion="1.0"\nencoding="windows-1251"\n?>',
    '<?xml version="1.1" encoding="windows-1251"?>', '<?xml version="1.1" encoding="UTF-8"?>',
    '<?xml version="2.0" encoding="windows-1251"?>', '<?xml version="1.0"?>', '<?xml version="1.0" ?>', "", "\n",
    '<?xml encoding="windows-1251"?>', '<?xml encoding="windows-1251" version="1.0"?>', '<?xml version="1.0" encoding=""?>',
    '<?xml version="1.0" encoding="windows-1251">', '<?xml version="1.0" encoding=windows-1251?>',
    "<?xml version=\"1.0\" encoding=\"windows-1251'?>", '<?XML version="1.0" encoding="windows-1251"?>',
    ' <?xml version="1.0" encoding="windows-1251"?>', '\n<?xml version="1.0" encoding="windows-1251"?>',
    '<!-- a --><?xml version="1.0" encoding="windows-1251"?>',
    '<?xml version="1.0" encoding="windows-1251"?><?xml version="1.0" encoding="windows-1251"?>',
    '<?xml version="1.0" encoding="KOI8-R"?>', '<?xml version="1.0" encoding="ISO-8859-5"?>',
    '<?xml version="1.0" encoding="ISO-8859-1"?>', '<?xml version="1.0" encoding="cp866"?>',
    '<?xml version="1.0" encoding="IBM866"?>', '<?xml version="1.0" encoding="windows-1252"?>',
    '<?xml version="1.0" encoding="UTF-16"?>', '<?xml version="1.0" encoding="UTF-16LE"?>',
    '<?xml version="1.0" encoding="UTF-7"?>', '<?xml version="1.0" encoding="UTF-32"?>',
    '<?xml version="1.0" encoding="US-ASCII"?>', '<?xml version="1.0" encoding="x-mac-cyrillic"?>',
    '<?xml version="1.0" encoding="windows-1251" a="b"?>', '<?xml version="1.0" encoding="windows-1251"encoding="UTF-8"?>',
    '<?xml version="1.0" encoding="windows-1251"?>\n<?xml-stylesheet href="a.xsl" type="text/xsl"?>',
    '<?xml version="1.0" encoding="windows-1251"?>\n<!-- encoding="UTF-8" -->',
    '<?xml version="1.0" encoding="windows-1251"?>\n<!DOCTYPE ZL_LIST>',
    '<?xml version="1.0" encoding="windows-1251"?><!DOCTYPE a [<!ENTITY b "c">]>',
    '<?xml version="1.0" encoding="windows-1251"?>text', '<?xml version="1.0" encoding="windows-1251"?>\n\n\n   ',
    '<?xml version="1.0" encoding="windows-1251"?>\x00', '<?xml-stylesheet href="a"?>', '<?xmlversion="1.0"?>', "<?xml?>",
)  # fmt: skip


def encoded(text: str, codec: str) -> bytes:
    """A text in the encoding of a file; letters that it lacks become numeric references."""
    return text.encode(codec, "xmlcharrefreplace")
