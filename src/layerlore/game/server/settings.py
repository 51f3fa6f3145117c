"""Django's settings. Whatever differs between two servers comes from the environment (`environment`)."""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path

from layerlore.game.server import environment, languages

HERE = Path(__file__).parent
_FOLDER = environment.read("CAMPAIGN")
CAMPAIGN_FOLDER = Path(_FOLDER) if _FOLDER else None
_HOME = CAMPAIGN_FOLDER or Path()
CAMPAIGN_KEY = environment.read("CAMPAIGN_KEY")

# Without a campaign (type checks, makemigrations) the secret lasts as long as the process.
SECRET_KEY = environment.secret_key(_HOME) if CAMPAIGN_FOLDER else secrets.token_urlsafe(64)
DEBUG = False
HTTPS = environment.flag("HTTPS")
TRUSTED_PROXIES = int(environment.read("PROXIES", "0"))
ALLOWED_HOSTS = [*environment.LOCAL_HOSTS, *filter(None, environment.read("HOSTS").split(","))]
CSRF_TRUSTED_ORIGINS: list[str] = []

INSTALLED_APPS = [
    "layerlore.game.server.apps.GameConfig",
    "layerlore.game.server.apps.GameAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "axes",
]
_MIDDLEWARE = "layerlore.game.server.middleware."
MIDDLEWARE = [
    _MIDDLEWARE + "headers",
    _MIDDLEWARE + "access_log",
    _MIDDLEWARE + "body_limit",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    _MIDDLEWARE + "single_parameters",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    _MIDDLEWARE + "Busy",
]
ROOT_URLCONF = "layerlore.game.server.urls"
WSGI_APPLICATION = "layerlore.game.server.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [HERE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.template.context_processors.i18n",
                "django.contrib.messages.context_processors.messages",
                "layerlore.game.server.views.context.game",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

DATABASES = {"default": environment.database(environment.read("DATABASE"), CAMPAIGN_FOLDER)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Each process has its own: what is in it may be some seconds old, and nothing that must be exact is.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

AUTH_USER_MODEL = "game.Account"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["layerlore.game.server.passwords.Argon2"]
_VALIDATION = "django.contrib.auth.password_validation."
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "layerlore.game.server.passwords.MinimumLength", "OPTIONS": {"min_length": 10}},
    {"NAME": "layerlore.game.server.passwords.MaximumLength", "OPTIONS": {"max_length": 128}},
    {"NAME": _VALIDATION + "UserAttributeSimilarityValidator", "OPTIONS": {"user_attributes": ("username", "email")}},
    {"NAME": "layerlore.game.server.passwords.NotTheContext"},
    {"NAME": _VALIDATION + "CommonPasswordValidator"},
    {"NAME": _VALIDATION + "NumericPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = int(timedelta(minutes=30).total_seconds())
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"

# Ten wrong passwords for an account from a network, then a pause; the owner gets in from elsewhere meanwhile.
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_CLIENT_IP_CALLABLE = "layerlore.game.server.services.limits.hashed_address"
AXES_SENSITIVE_PARAMETERS = ["username", "password", "token", "csrfmiddlewaretoken"]
AXES_LOCKOUT_CALLABLE = "layerlore.game.server.views.errors.locked_out"
AXES_HTTP_RESPONSE_CODE = 429
AXES_VERBOSE = False
OTP_TOTP_ISSUER = "LayerLore"
OTP_LOGIN_URL = "staff_verify"

PUBLIC_ADDRESS = environment.read("ADDRESS", "http://localhost:8000/")
# A cookie named __Host- is taken only with Secure, so only with https.
_HOST = "__Host-" if HTTPS else ""
SESSION_ENGINE = "layerlore.game.server.sessions"
SESSION_COOKIE_NAME = _HOST + "layerlore"
SESSION_COOKIE_AGE = int(timedelta(days=30).total_seconds())
SESSION_LONGEST = int(timedelta(days=90).total_seconds())
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
STAFF_SESSION_AGE = int(timedelta(hours=12).total_seconds())
CSRF_COOKIE_NAME = _HOST + "layerlore-csrf"
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "layerlore.game.server.views.errors.csrf_failure"
LANGUAGE_COOKIE_NAME = _HOST + "layerlore-language"
LANGUAGE_COOKIE_SECURE = HTTPS
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_AGE = int(timedelta(days=365).total_seconds())
GUEST_COOKIE_NAME = _HOST + "layerlore-guest"
DEVICE_COOKIE_NAME = _HOST + "layerlore-device"
GUEST_COOKIE_AGE = int(timedelta(days=90).total_seconds())
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

SECURE_HSTS_SECONDS = int(timedelta(days=730).total_seconds()) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS and TRUSTED_PROXIES else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
BODY_LIMIT = 64 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = BODY_LIMIT
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
FILE_UPLOAD_HANDLERS: list[str] = ["layerlore.game.server.middleware.NoUploads"]

LANGUAGE_CODE = "en"
LANGUAGES = languages.available(HERE / "locale")
LOCALE_PATHS = [HERE / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
# The pages of reports and the game have their colours, sizes and switch from the same files.
STATICFILES_DIRS = [HERE / "static", ("shared", HERE.parents[1] / "report" / "static" / "shared")]
# The finders serve the package's own files; there is no step that collects them.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_MAX_AGE = 3600

DELIVERY: dict[str, str] = {}
EMAIL_BACKEND = "layerlore.game.server.services.outbox.OutboxBackend"
locals().update(environment.mail(environment.read("MAIL"), _HOME))

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "layerlore.game.server.logs.RequestId"}},
    "formatters": {"json": {"()": "layerlore.game.server.logs.Json"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["request_id"]},
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "layerlore": {"level": environment.read("LOG_LEVEL", "INFO").upper()},
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        "django.security.DisallowedHost": {"level": "ERROR"},
        "axes": {"level": "ERROR"},
    },
}
SILENCED_SYSTEM_CHECKS: list[str] = []
TEST_RUNNER = "django.test.runner.DiscoverRunner"
