not-found-title = الصفحة غير موجودة
not-found = هذا الرابط لا يؤدي إلى أي مكان. إن جاء في رسالة فقد يكون مقطوعًا، أو أن رسالة أحدث تحمل رابطًا أحدث: استخدموا الأحدث كاملًا.
try-again-title = يرجى المحاولة مرة أخرى
try-again = تعذّر ذلك الآن ولم يتغير شيء. يرجى المحاولة بعد بضع دقائق.
too-many-title = طلبات كثيرة جدًا
too-many = يرجى المحاولة بعد قليل.
in-effect-now = يسري ذلك الآن.
in-effect-before = تم التسجيل ويسري قبل إرسال أي شيء آخر.
unsubscribe-title = إلغاء الاشتراك في رسائل { $company }؟
unsubscribe-from = الرسالة التي وصلتكم من { $company } إلى { $address }.
unsubscribe-what = بعد الإلغاء لن ترسل { $company } رسائل تسويقية إلى هذا العنوان.
unsubscribe = إلغاء الاشتراك
unsubscribed-title = تم إلغاء اشتراككم
unsubscribed-already = لا تصل إلى { $address } رسائل من { $company }. لا يلزم شيء آخر.
unsubscribed = لن ترسل { $company } رسائل تسويقية إلى { $address } بعد الآن.
refuse-title = إيقاف الدعوات؟
refuse-what = لن ترسل { $vendor } دعوات أخرى إلى { $company } على { $address }.
refuse = إيقاف الدعوات
refused-title = توقفت الدعوات
preferences-title = أيّ رسائل تريدونها من { $company }؟
preferences-for = للعنوان { $address }.
preferences-how-much = كم من الرسائل تريدون؟
preferences-all = رسائل { $company }
preferences-chosen = الرسائل عن المواضيع المحدّدة أدناه
preferences-no-company = لا رسائل من { $company }
preferences-no-vendor = لا رسائل من { $company } ولا من أي شريك آخر لشركة { $vendor }
preferences-topics = تكتب { $company } عن
preferences-save = حفظ
preferences-saved = حُفظ اختياركم.
preferences-final = لا تصل رسائل من { $company } إلى { $address }، ولا يمكن تغيير ذلك هنا. إذا أردتم تلقّي الرسائل من جديد، فاكتبوا إلى { $company }.
view-mail-title = استخدموا الرابط الموجود في رسالتكم
view-mail = تعرض هذه الصفحة رسالة أُرسلت بالبريد الإلكتروني، وربما أعاد أحدهم توجيهها. لتلقّي رسائل أقل أو لإيقافها، افتحوا الرسالة نفسها واتبعوا الرابط الذي فيها.
launch-title = إطلاق «{ $campaign }»
prepared-by = أعدّت { $vendor } هذه الحملة لـ{ $partner }.
preview-heading = ما يصل إلى عملائكم
mail-of = رسالة { $n } من { $of }
sent-at-once = تُرسل فور الإطلاق
sent-about = تُرسل في { $date } إن أطلقتم الآن
sent-by-event = تُرسل بحسب موعد الفعالية
as-desktop = على الحاسوب
as-phone = على الهاتف
as-text = كنص عادي
preview-frame = معاينة «{ $subject }»
preview-missing = يمكن عرض هذه الرسالة بعد تعبئة الحقول أدناه.
to-heading = من تصله
list-label = قائمة جهات الاتصال
list-choose = اختاروا قائمة
contacts = 
    { $n ->
        [zero] لا جهات اتصال
        [one] جهة اتصال واحدة
        [two] جهتا اتصال
        [few] { $shown } جهات اتصال
        [many] { $shown } جهة اتصال
       *[other] { $shown } جهة اتصال
    }
left-out = يُستثنى من لا يرغب في تلقي الرسائل.
when-heading = موعد البدء
start-label = التاريخ والوقت ({ $zone })؛ اتركوه فارغًا للبدء الآن
slots-heading = أضيفوا لمستكم
slots-optional = يمكنكم ترك كل شيء كما هو.
slots-update = عرضها بكلماتي
required = (مطلوب)
profile-heading = مطلوب قبل أول رسالة
profile-why = نسأل عن هذا مرة واحدة فقط.
postal_address-label = العنوان البريدي
postal_address-hint = كما يظهر أسفل كل رسالة؛ وهو ما يفرضه القانون. سطر لكل جزء.
web_site-label = الموقع الإلكتروني
web_site-hint = حيث تقود أزرار الرسائل.
from_email-label = العنوان الذي تصدر عنه رسائلكم
from_email-hint = ضمن نطاقكم؛ وتصل الردود إليه أيضًا.
launch-now = 
    { $n ->
        [zero] إطلاق
        [one] إطلاق إلى جهة اتصال واحدة
        [two] إطلاق إلى جهتي اتصال
        [few] إطلاق إلى { $shown } جهات اتصال
        [many] إطلاق إلى { $shown } جهة اتصال
       *[other] إطلاق إلى { $shown } جهة اتصال
    }
launch = إطلاق
launch-note = يمكنكم إيقافها مؤقتًا أو نهائيًا هنا في أي وقت. الرابط صالح حتى { $date }.
decline = لا، شكرًا
errors-heading = 
    { $n ->
        [zero] لا شيء يحتاج إلى انتباهكم
        [one] أمر واحد يحتاج إلى انتباهكم
        [two] أمران يحتاجان إلى انتباهكم
        [few] { $shown } أمور تحتاج إلى انتباهكم
        [many] { $shown } أمرًا يحتاج إلى انتباهكم
       *[other] { $shown } أمر يحتاج إلى انتباهكم
    }
picture-alt = ما تُظهره الصورة، لمن لا يراها
wrong-image = صورة PNG أو JPEG أو SVG لا تزيد على 1 ميغابايت.
wrong-image-small = صورة PNG أو JPEG أو SVG لا تزيد على 1 ميغابايت ولا تقل عن { $width } × { $height } بكسل.
wrong-image-narrow = صورة PNG أو JPEG أو SVG لا تزيد على 1 ميغابايت ولا يقل عرضها عن { $width } بكسل.
wrong-image-low = صورة PNG أو JPEG أو SVG لا تزيد على 1 ميغابايت ولا يقل ارتفاعها عن { $height } بكسل.
wrong-empty = يرجى ملء هذا الحقل.
wrong-list = يرجى اختيار إحدى قوائمكم.
wrong-start = تاريخ ووقت بدءًا من الآن، أو اتركوه فارغًا.
wrong-postal_address = من سطر إلى ستة أسطر، لا يزيد أي منها على 100 حرف.
wrong-web_site = عنوان موقع مثل https://www.example.com.
wrong-from_email = عنوان بريد إلكتروني من النطاق الذي أُرسل إليه هذا الرابط.
wrong-text = { $most } حرفًا على الأكثر.
wrong-url = رابط يبدأ بـ https://.
wrong-url-hosts = رابط يبدأ بـ https:// ويقود إلى { $hosts }.
wrong-choice = يرجى اختيار أحد هذه الخيارات.
wrong-colour = لون مثل #aa3300.
wrong-person = اسم، أو اسم وعنوان بريد إلكتروني: Ana Silva <ana@example.com>.
wrong-datetime = تاريخ ووقت تشير إليه الساعات مرة واحدة.
expired-title = انتهت صلاحية هذا الرابط
expired = يمكننا إرسال رابط جديد إلى العنوان المسجل لدينا لـ{ $partner }.
renew = أرسلوا لي رابطًا جديدًا
renewed-title = رابط جديد في الطريق
renewed = أُرسل إلى العنوان المسجل لدينا لـ{ $partner }.
renew-wait = أُرسل رابط قبل بضع دقائق. ابحثوا عنه أو حاولوا بعد خمس دقائق.
declined-title = رفضتم هذه الحملة
declined = لن يُرسل شيء. إن كان ذلك خطأ فاطلبوا دعوة جديدة من { $vendor }.
revoked-title = سُحبت هذه الدعوة
revoked = سحبتها { $vendor }. لن يُرسل شيء.
withdrawn-title = لم تعد هذه الحملة متاحة
may-not-title = لا يمكن إطلاق هذه الحملة الآن
ask-vendor = يرجى التواصل مع { $vendor }.
running-title = «{ $campaign }» قيد الإرسال
state-scheduled = قيد الإعداد.
state-running = قيد الإرسال.
state-paused = موقوفة مؤقتًا؛ لا يُرسل شيء.
state-completed = انتهت؛ أُرسل كل شيء.
state-cancelled = أُوقفت نهائيًا.
state-recalled = سحبتها { $vendor }؛ لن يُرسل المزيد.
count-audience = في القائمة
count-waiting = بانتظار الإرسال
count-sent = أُرسلت
count-skipped = استُثنيت
count-failed = تعذّر تسليمها
progress-label = اكتمل { $percent }
pause = إيقاف مؤقت
resume = متابعة
stop = إيقاف نهائي
refresh = عرض أحدث الأرقام
step = الرسالة
results-heading = ما عاد منها
delivered = سُلّمت
opened = فُتحت
clicked = نُقرت
unsubscribed-count = ألغوا الاشتراك
bounced = ارتدّت
people = أشخاص
machines = آلات
machines-what = الآلات هي برامج فحص أو تحميل مسبق للرسائل، وتُحسب على حدة.
over-time = { $what } عبر الزمن
time = الوقت
as-table = كجدول
nothing-yet = لا شيء بعد
by-step = بحسب الرسالة
skip-to-content = الانتقال إلى المحتوى
