<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en" sourcelanguage="en">
<context>
    <name>mmfree::gui::ComparePage</name>
    <message numerus="yes">
        <source>Stopped after %n complete round(s).</source>
        <translation>
            <numerusform>Stopped after %n complete round.</numerusform>
            <numerusform>Stopped after %n complete rounds.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>
… %n more</source>
        <translation>
            <numerusform>
… %n more</numerusform>
            <numerusform>
… %n more</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>mmfree::gui::HistoryPanel</name>
    <message numerus="yes">
        <source>%n comparison(s) deleted</source>
        <translation>
            <numerusform>%n comparison deleted</numerusform>
            <numerusform>%n comparisons deleted</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>mmfree::gui::MatchPanel</name>
    <message numerus="yes">
        <source>%n channels of layer %1 are on from “%2” to “%3”.</source>
        <translation>
            <numerusform>%n channel of layer %1 is on from “%2” to “%3”.</numerusform>
            <numerusform>%n channels of layer %1 are on from “%2” to “%3”.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>mmfree::gui::StateView</name>
    <message numerus="yes">
        <source>%n channels: %1.</source>
        <translation>
            <numerusform>%n channel: %1.</numerusform>
            <numerusform>%n channels: %1.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>mmfree::gui::TensorTree</name>
    <message numerus="yes">
        <source>%n tensors</source>
        <translation>
            <numerusform>%n tensor</numerusform>
            <numerusform>%n tensors</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 of %n tensors</source>
        <translation>
            <numerusform>%1 of %n tensor</numerusform>
            <numerusform>%1 of %n tensors</numerusform>
        </translation>
    </message>
</context>
</TS>
